"""TREC folders: topics, qrels, runs and a corpus, told apart by their names."""

from __future__ import annotations

from pathlib import Path

from negatives.read import load, splits
from tests.each import for_each
from tests.read.tiny import complaint

TOPICS = """<top>
<num> Number: 301
<title> International Organized
 Crime
<desc> Description:
Identify organizations.
</top>

<top>
<num> 302 </num>
<title> </title>
<desc> Description: Is polio under control?</desc>
</top>
"""
QRELS = "301 0 FT1 1\n301 0 FT2 0\n302\t0\tFT3\t2\n"
CORPUS = 'FT1\tmafia "families" abroad\nFT2\tweather\nFT3\tpolio\tvaccines\n'


def trec(folder: Path, **files: str) -> Path:
    texts = {"topics.txt": TOPICS, "qrels.txt": QRELS, "corpus.tsv": CORPUS} | files
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    return folder


def test_topics_in_markup_are_their_title_or_else_their_description(tmp_path: Path) -> None:
    queries = load(trec(tmp_path)).queries
    assert queries.select("query_id", "text").rows() == [
        ("301", "International Organized Crime"),
        ("302", "Is polio under control?"),
    ]


def test_tsv_texts_are_taken_as_they_are(tmp_path: Path) -> None:
    texts = load(trec(tmp_path)).corpus["text"].to_list()
    assert texts == ['mafia "families" abroad', "weather", "polio\tvaccines"]


def test_columns_are_apart_by_ascii_white_space_alone(tmp_path: Path) -> None:
    ids = ["IPCC\u00a0report", "文書\u3000一", "doc_1#3", "a\u2028b", "c\x85d", "e\x1ff"]
    folder = trec(
        tmp_path,
        **{
            "topics.txt": "301\tcrime\n",
            "corpus.tsv": "".join(f"{name}\ttext\n" for name in ids),
            "qrels.txt": "".join(f"301\x0b0 \t{name}\x0c1\r\n" for name in ids),
            "a.run": "".join(f"301 Q0 {name} 1 2 x\n" for name in ids),
        },
    )
    assert sorted(load(folder).qrels["doc_id"]) == sorted(ids)


def test_qrels_are_four_columns_of_any_white_space(tmp_path: Path) -> None:
    assert load(trec(tmp_path)).qrels.rows() == [
        ("301", "FT1", 1),
        ("301", "FT2", 0),
        ("302", "FT3", 2),
    ]


def test_topics_and_corpus_may_be_tsv_and_jsonl(tmp_path: Path) -> None:
    folder = trec(tmp_path, **{"docs.jsonl": '{"id": "FT1", "contents": "mafia"}\n'})
    (folder / "corpus.tsv").unlink()
    (folder / "topics.txt").write_text("301\tcrime\n")
    (folder / "qrels.txt").write_text("301 0 FT1 1\n")
    collection = load(folder)
    assert collection.corpus["text"].to_list() == ["mafia"]
    assert collection.queries["text"].to_list() == ["crime"]


def test_documents_of_a_run_are_given_unless_they_are_relevant(tmp_path: Path) -> None:
    run = "".join(f"301 Q0 FT{n} {n} {9 - n} bm25\n" for n in (3, 1, 2))
    assert load(trec(tmp_path, **{"bm25.run": run})).given.rows() == [
        ("301", "FT3"),
        ("301", "FT2"),
    ]


def test_file_names_tell_the_split(tmp_path: Path) -> None:
    folder = trec(tmp_path, **{"qrels.dev.txt": "301 0 FT1 1\n", "topics.dev.txt": "301\tcrime\n"})
    assert splits(folder) == ["all", "dev"]
    assert load(f"{folder}@dev").queries["text"].to_list() == ["crime"]
    assert len(load(f"{folder}@all").queries) == 2


@for_each(
    ("name", "text", "reason"),
    [
        (
            "qrels.txt",
            "301 0 FT1\n",
            "line 1: expected 4 columns (query iteration document relevance), found 3",
        ),
        ("qrels.txt", "301 0 FT1 yes\n", "qrels.txt, line 1: relevance is 'yes'"),
        ("qrels.txt", "301 0 FT1 1\n301 0 FT9 1\n", "line 2: document 'FT9' is not in the corpus"),
        ("a.run", "301 FT1 1 0.5\n", "a.run, line 1: expected 6 columns"),
        ("a.run", "301 Q0 FT9 1 0.5 x\n", "a.run, line 1: document 'FT9' is not in the corpus"),
        ("corpus.tsv", "FT1 mafia\n", "corpus.tsv, line 1: expected id, tab, text"),
        ("corpus.tsv", "\tmafia\n", "corpus.tsv, line 1: the id is empty"),
        ("topics.txt", "<top>\n<title> x\n</top>\n", "topics.txt, line 1: the topic has no number"),
        ("topics.txt", "\n<top>\n<num> 1\n", "topics.txt, line 2: the topic has no </top>"),
        ("collection.jsonl", "", "2 files could be the corpus"),
    ],
)
def test_bad_rows_are_shown_with_their_place(
    tmp_path: Path, name: str, text: str, reason: str
) -> None:
    assert reason in complaint(trec(tmp_path, **{name: text}))


def test_a_folder_without_qrels_is_an_error(tmp_path: Path) -> None:
    (trec(tmp_path) / "qrels.txt").unlink()
    assert "there are no judgements" in complaint(tmp_path)


def test_a_folder_without_corpus_is_an_error(tmp_path: Path) -> None:
    (trec(tmp_path) / "corpus.tsv").unlink()
    assert "there is no corpus" in complaint(tmp_path)


def test_a_header_is_no_topic_and_no_document(tmp_path: Path) -> None:
    (trec(tmp_path) / "topics.txt").unlink()
    (tmp_path / "topics.tsv").write_text("qid\tquery\n301\tcrime\n302\tpolio\n")
    (tmp_path / "corpus.tsv").write_text("id\ttext\ttitle\nFT1\tmafia\tA\nFT2\tb\t\nFT3\tc\t\n")
    found = load(tmp_path)
    assert found.queries["query_id"].to_list() == ["301", "302"]
    assert found.corpus.select("doc_id", "text").rows()[0] == ("FT1", "A mafia")
    (tmp_path / "topics.tsv").rename(tmp_path / "topics.txt")
    assert "the first line is a header" in complaint(tmp_path)
    (tmp_path / "topics.txt").unlink()
    (tmp_path / "topics.csv").write_text('qid,query\n301,"crime, organized"\n302,polio\n')
    assert load(tmp_path).queries["text"].to_list() == ["crime, organized", "polio"]
    (tmp_path / "corpus.tsv").write_text("<DOC>\n<DOCNO> FT1 </DOCNO>\n<TEXT>a</TEXT>\n</DOC>\n")
    assert "the file is markup, and begins with '<DOC>'" in complaint(tmp_path)
    (tmp_path / "corpus.tsv").write_text("<FT1>\ta\n" + CORPUS)
    assert len(load(tmp_path).corpus) == 4
