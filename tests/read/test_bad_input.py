"""Bad input: one clear error each, read as a user would read it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import polars as pl
import pytest

from negatives.read import load
from tests.cli.commands import negatives
from tests.each import for_each
from tests.read.tiny import CORPUS, QRELS, QUERIES, beir, complaint, lines


def test_a_missing_file_is_named_with_the_nearest_there_is(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").touch()
    text = complaint(tmp_path / "pear.jsonl")
    assert text.splitlines()[0] == "no such file or folder"
    assert f"where: {tmp_path / 'pear.jsonl'}" in text
    assert f"did you mean '{tmp_path / 'pairs.jsonl'}'?" in text


def test_a_misspelt_sample_is_corrected() -> None:
    assert "did you mean 'cranfield'?" in complaint("cranfeild")


def test_a_file_of_an_unknown_format_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "pairs.doc").touch()
    text = complaint(tmp_path / "pairs.doc")
    assert "a file ending in '.doc' is of no known format" in text
    assert ".parquet, .jsonl" in text


def test_a_file_of_another_program_is_told_what_to_save_it_as(tmp_path: Path) -> None:
    sheet, table = "fix:   save the sheet as CSV in UTF-8", "fix:   write the table as Parquet"
    for name, words in {
        "pairs.xlsx": sheet,
        "pairs.ODS": sheet,
        "pairs.feather": table,
        "pairs.db": table,
        "pairs.pkl": f"{table}, or as CSV: pickles can run code",
    }.items():
        (tmp_path / name).write_bytes(b"")
        assert words in complaint(tmp_path / name)
        lint = negatives("lint", tmp_path / name)
        assert lint.returncode == 2
        assert words in lint.stderr
    names = (b"[Content_Types].xml", b"xl/workbook.xml", b"mimetypeapplication/vnd.oasis.open")
    heads = [b"PK\x03\x04" + bytes(26) + name + bytes(99) for name in names]
    for head in (*heads, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99)):
        for ending in ("csv", "tsv", "jsonl", "json"):
            (tmp_path / f"sheet.{ending}").write_bytes(head)
            assert sheet in complaint(tmp_path / f"sheet.{ending}")


def test_a_folder_of_an_unknown_format_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "photo.png").touch()
    text = complaint(tmp_path)
    assert "the folder holds no known format" in text
    assert "(it holds photo.png)" in text
    assert "a BEIR folder (corpus.jsonl" in text


def test_a_folder_of_documents_is_told_what_takes_documents(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "guide.md").write_text("# Guide\n\nRead this.\n", "utf-8")
    text = complaint(tmp_path)
    for words in ("a BEIR folder", "negatives adapt FOLDER", "negatives data passages FOLDER"):
        assert words in text
    (tmp_path / "deep" / "guide.md").rename(tmp_path / "deep" / "guide.png")
    assert "adapt" not in complaint(tmp_path)


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    assert "the folder is empty" in complaint(tmp_path)


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl"])
def test_a_missing_part_of_a_beir_folder_is_named(tmp_path: Path, name: str) -> None:
    folder = beir(tmp_path)
    (folder / name).unlink()
    text = complaint(folder)
    assert f"the folder has no {name}" in text
    assert "a BEIR folder holds corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv" in text


def test_a_beir_folder_without_judgements_is_an_error(tmp_path: Path) -> None:
    text = complaint(beir(tmp_path, qrels={}))
    assert "there are no judgements" in text
    assert "qrels/SPLIT.tsv" in text


def test_a_line_that_is_not_json_is_shown_with_its_place(tmp_path: Path) -> None:
    text = complaint(beir(tmp_path, corpus=[*CORPUS, '{"_id": "d4", "text": oops}']))
    assert text.splitlines()[0] == "1 line is not JSON"
    assert 'corpus.jsonl, line 4: Expecting value at character 23: \'{"_id"' in text
    assert "--quarantine FILE" in text


def test_a_json_array_is_told_from_json_lines(tmp_path: Path) -> None:
    folder = beir(tmp_path)
    (folder / "corpus.jsonl").write_text(json.dumps(CORPUS, indent=1))
    assert "a JSON array, not JSON lines" in complaint(folder)


@pytest.mark.parametrize("line", ["[1, 2]", "null", '"text"', "3"])
def test_a_line_that_is_no_object_is_an_offender(tmp_path: Path, line: str) -> None:
    text = complaint(beir(tmp_path, corpus=[*CORPUS, line]))
    assert "line 4: expected an object, found" in text


def test_two_objects_on_a_line_are_an_offender(tmp_path: Path) -> None:
    both = json.dumps(CORPUS[0]) + " " + json.dumps(CORPUS[1])
    assert "corpus.jsonl, line 1: Extra data" in complaint(beir(tmp_path, corpus=[both]))


def test_an_unpaired_surrogate_is_an_offender(tmp_path: Path) -> None:
    text = complaint(beir(tmp_path, corpus=[*CORPUS, '{"_id": "d4", "text": "\\ud800"}']))
    assert "line 4: an unpaired surrogate" in text


def test_a_key_that_comes_twice_is_an_offender(tmp_path: Path) -> None:
    twice = '{"_id": "d4", "text": "one", "text" : "other"}'
    text = complaint(beir(tmp_path, corpus=[*CORPUS, twice]))
    assert text.splitlines()[0] == "1 line names a key twice"
    assert "corpus.jsonl, line 4: 'text' comes twice" in text
    (tmp_path / "pairs.jsonl").write_text('{"query": "a", "positive": "b", "query": "c"}\n')
    assert "pairs.jsonl, line 1: 'query' comes twice" in complaint(tmp_path / "pairs.jsonl")


def test_a_key_that_comes_again_inside_a_value_is_none(tmp_path: Path) -> None:
    inside = [
        {"_id": "d4", "text": 'say "text": "x" and "text": "y"', "meta": {"text": "z"}},
        {"_id": "d5", "text": "text", "title": "text"},
    ]
    assert len(load(beir(tmp_path, corpus=[*CORPUS, *inside])).corpus) == 5


def test_only_the_first_five_offenders_are_listed(tmp_path: Path) -> None:
    text = complaint(beir(tmp_path, corpus=[*CORPUS, *["oops"] * 9]))
    assert text.splitlines()[0] == "at least 9 lines are not JSON"
    assert text.count("corpus.jsonl, line") == 5
    assert "line 8:" in text
    assert "line 9:" not in text


def test_other_faults_of_the_same_file_are_counted_too(tmp_path: Path) -> None:
    text = complaint(beir(tmp_path, corpus=[*CORPUS, "oops", {"_id": "d5"}, {"_id": "d6"}]))
    assert text.splitlines()[0] == "1 line is not JSON; also 2 rows lack an id or a text"


@for_each(
    ("row", "reason"),
    [
        ({"_id": "d4"}, "'text' is missing"),
        ({"_id": "d4", "text": None}, "'text' is null"),
        ({"text": "x"}, "'_id' is missing"),
        ({"_id": None, "text": "x"}, "'_id' is null"),
        ({"_id": "", "text": "x"}, "'_id' is empty"),
        ({"_id": "d4", "text": 7}, "'text' must be text, and is 7"),
        ({"_id": "d4", "text": ["x"]}, "'text' must be text, and is the list [\"x\"]"),
        ({"_id": True, "text": "x"}, "'_id' must be text or a whole number, and is true"),
        ({"_id": 1.5, "text": "x"}, "'_id' must be text or a whole number, and is 1.5"),
        ({"_id": "d4", "text": "x", "title": {}}, "'title' must be text, and is an object"),
    ],
)
def test_a_missing_null_or_mistyped_value_is_named(
    tmp_path: Path, row: dict[str, object], reason: str
) -> None:
    assert f"corpus.jsonl, line 4: {reason}" in complaint(beir(tmp_path, corpus=[*CORPUS, row]))


def test_broken_utf8_is_shown_with_line_and_byte(tmp_path: Path) -> None:
    folder = beir(tmp_path)
    whole = lines(CORPUS).encode()
    (folder / "corpus.jsonl").write_bytes(whole + b'{"_id": "d4", "text": "caf\xe9"}\n')
    text = complaint(folder)
    assert text.splitlines()[0] == "1 line is not UTF-8"
    assert f"corpus.jsonl, line 4: byte {len(whole) + 26} of the file is 0xe9" in text
    assert "caf\\\\xe9" in text


def test_broken_utf8_in_judgements_is_shown_with_line_and_byte(tmp_path: Path) -> None:
    folder = beir(tmp_path)
    (folder / "qrels/train.tsv").write_bytes(QRELS.encode() + b"q1\td\xff\t1\n")
    assert f"train.tsv, line 5: byte {len(QRELS) + 4} of the file is 0xff" in complaint(folder)


def test_utf_16_is_told(tmp_path: Path) -> None:
    folder = beir(tmp_path)
    (folder / "corpus.jsonl").write_text(lines(CORPUS), "utf-16")
    text = complaint(folder)
    assert "the file is UTF-16, and not UTF-8" in text
    assert "iconv -f utf-16 -t utf-8" in text


def test_a_parquet_file_that_was_cut_off_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "pairs.parquet"
    pl.DataFrame({"query": ["a"] * 99, "positive": ["b"] * 99}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    text = complaint(path)
    assert "not a whole Parquet file" in text
    assert "write or copy it again" in text


def test_an_empty_corpus_is_an_error(tmp_path: Path) -> None:
    assert "the corpus is empty" in complaint(beir(tmp_path, corpus=[]))


def test_no_queries_is_an_error(tmp_path: Path) -> None:
    assert "the queries are empty" in complaint(beir(tmp_path, queries=[]))


@pytest.mark.parametrize("qrels", ["", "query-id\tcorpus-id\tscore\n"])
def test_no_judgements_is_an_error(tmp_path: Path, qrels: str) -> None:
    assert "there are no judgements in split 'train'" in complaint(beir(tmp_path, qrels=qrels))


def test_a_repeated_id_is_shown_with_both_places(tmp_path: Path) -> None:
    text = complaint(beir(tmp_path, corpus=[*CORPUS, CORPUS[1]]))
    assert text.splitlines()[0] == "1 row repeats an id"
    assert "corpus.jsonl, line 4: doc_id 'd2' is also at line 2" in text


def test_a_repeated_query_id_is_an_error(tmp_path: Path) -> None:
    text = complaint(beir(tmp_path, queries=[*QUERIES, QUERIES[0]]))
    assert "queries.jsonl, line 3: query_id 'q1' is also at line 1" in text


def test_judgements_of_unknown_queries_and_documents_are_shown(tmp_path: Path) -> None:
    text = complaint(beir(tmp_path, qrels=QRELS + "q9\td1\t1\nq1\td9\t1\nq8\td8\t1\n"))
    assert text.splitlines()[0] == "3 of 6 rows name a query or document that is not there"
    assert "train.tsv, line 5: query 'q9' is not in the queries" in text
    assert "train.tsv, line 6: document 'd9' is not in the corpus" in text
    assert "line 7: query 'q8' is not in the queries and document 'd8' is not in the corp" in text


def test_a_pair_judged_twice_differently_is_an_error(tmp_path: Path) -> None:
    text = complaint(beir(tmp_path, qrels=QRELS + "q1\td1\t0\n"))
    assert text.splitlines()[0] == "1 row judges a pair again, differently"
    assert "train.tsv, line 5: query 'q1', document 'd1': 0 here, 2 at line 2" in text


def test_a_judgement_with_too_few_columns_is_an_error(tmp_path: Path) -> None:
    text = complaint(beir(tmp_path, qrels=QRELS + "q1\td2\n"))
    assert "train.tsv, line 5: expected 3 columns, found 2: ['q1', 'd2']" in text


@pytest.mark.parametrize("score", ["1.5", "high", "", "99999999999", "--1"])
def test_a_relevance_that_is_no_whole_number_is_an_error(tmp_path: Path, score: str) -> None:
    text = complaint(beir(tmp_path, qrels=QRELS + f"q1\td2\t{score}\n"))
    assert text.splitlines()[0] == "1 row has a relevance that is no whole number"
    assert f"train.tsv, line 5: relevance is {score!r}" in text


def test_a_header_that_is_no_header_of_judgements_is_an_error(tmp_path: Path) -> None:
    text = complaint(beir(tmp_path, qrels="a\tb\nq1\td1\n"))
    assert "train.tsv, line 1: expected query-id, corpus-id, score; found 2 columns" in text


def test_a_quotation_mark_in_judgements_is_a_character(tmp_path: Path) -> None:
    text = complaint(beir(tmp_path, qrels=QRELS + 'q1\t"d2\t1\n'))
    assert "train.tsv, line 5: document '\"d2' is not in the corpus" in text


def test_an_unknown_split_lists_the_splits(tmp_path: Path) -> None:
    text = complaint(f"{beir(tmp_path, qrels={'train': QRELS, 'dev': QRELS})}@deb")
    assert "there is no split 'deb'" in text
    assert "did you mean 'dev'? (there are dev, train)" in text


def test_several_splits_without_train_must_be_chosen_from(tmp_path: Path) -> None:
    text = complaint(beir(tmp_path / "set", qrels={"test": QRELS, "dev": QRELS}))
    assert "there are several splits and none is named train: dev, test" in text
    assert "as in set@dev" in text


def test_a_split_without_a_name_is_an_error(tmp_path: Path) -> None:
    assert "no split is named after the @" in complaint(f"{beir(tmp_path)}@")


def test_no_name_at_all_is_an_error() -> None:
    assert "no data was named" in complaint("")


def test_what_a_file_is_instead_of_text_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    right = lines({"query": f"a {n}", "positive": f"b {n}"} for n in range(3))
    table = io.BytesIO()
    pl.DataFrame({"query": ["a"], "positive": ["b"]}).write_parquet(table)
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n"
    for ending in ("jsonl", "csv", "tsv", "parquet"):
        path = tmp_path / f"pairs.{ending}"
        told = {pointer: "a pointer of Git LFS", b"<html>404</html>\n": ""}
        for code in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
            told[right.encode(code)] = f"the file is {code.upper().replace('-LE', 'LE')}".replace(
                "-BE", "BE"
            )
        if ending != "parquet":
            told[table.getvalue()] = "the file is Parquet, and its name does not say so"
        for content, what in told.items():
            path.write_bytes(content)
            text = complaint(path)
            assert what in text, (ending, content[:20], text)
            assert "fix: " in text
    (tmp_path / "pairs.parquet").write_bytes(b"<html>404</html>")
    assert "begins with '<html>404</html>'" in complaint(tmp_path / "pairs.parquet")


def test_lines_may_end_in_a_carriage_return_alone(tmp_path: Path) -> None:
    texts = {
        "pairs.csv": "query,positive\na,b\nc,d\n",
        "pairs.tsv": "query\tpositive\na\tb\nc\td\n",
    }
    texts["pairs.jsonl"] = lines([{"query": "a", "positive": "b"}, {"query": "c", "positive": "d"}])
    for name, text in texts.items():
        path = tmp_path / name
        path.write_bytes(text.encode())
        expected = load(path)
        path.write_bytes(text.replace("\n", "\r").encode())
        assert load(path).queries.equals(expected.queries), name


def test_where_no_line_is_json_the_first_are_shown_with_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    for value, reason in (
        ("NaN", "NaN is no number of JSON"),
        ("-Infinity", "-Infinity is no number of JSON"),
        ('"\\ud800"', "an unpaired surrogate"),
        ("1,", "Expecting property name"),
    ):
        path.write_text(f'{{"query": "a", "positive": "b", "score": {value}}}\n' * 2)
        text = complaint(path)
        assert text.splitlines()[0] == "2 lines are not JSON", value
        assert f"{path}, line 1: {reason}" in text, value


def test_addresses_of_the_network_are_told_from_paths() -> None:
    for address in ("https://host/a.jsonl", "file:///a.jsonl", "hf://datasets/a/b", "s3://a/b.csv"):
        assert "an address is not read, but a path or a name" in complaint(address)


def test_what_columns_are_apart_by_is_told(tmp_path: Path) -> None:
    for name, apart, said in (
        ("p.csv", "\t", "its columns are apart by tabs: end its name in .tsv"),
        ("p.csv", ";", "save it with commas between the columns, and not ';'"),
        ("p.tsv", ",", "its columns are apart by commas: end its name in .csv"),
    ):
        (tmp_path / name).write_text(f"query{apart}positive\na b{apart}c d\n")
        assert said in complaint(tmp_path / name)
        assert said in complaint(tmp_path / name, query_column="query")
        (tmp_path / name).write_text(f"What they asked{apart}Our reply\na b{apart}c d\n")
        assert said in complaint(tmp_path / name, query_column="What they asked")


def test_a_column_of_texts_under_another_name_can_be_said(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    rows = (
        "query,positive,wrong answer",
        "who purrs,cats,dogs bark aloud",
        "who barks,dogs,cats purr",
    )
    path.write_text("\n".join(rows), "utf-8")
    assert "--negative-column" in complaint(path)
    assert len(load(path, negative_column="wrong answer").given) == 2


def test_a_header_that_comes_again_is_no_row(tmp_path: Path) -> None:
    for name, apart in (("p.csv", ","), ("p.tsv", "\t")):
        rows = [["query", "positive"], ["a b", "c d"], ["query", "positive"], ["e f", "g h"]]
        (tmp_path / name).write_text("".join(apart.join(row) + "\n" for row in rows))
        text = complaint(tmp_path / name)
        assert text.splitlines()[0] == "1 row is the header again"
        assert f"{name}, line 3" in text
        assert len(load(tmp_path / name, quarantine=tmp_path / "bad.jsonl").queries) == 2
