"""Queries that are written for passages, and a user's own questions about them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from negatives.adaptation.questions import (
    SHARED,
    RealQuestions,
    parted,
    united,
    unseen,
    written_queries,
)
from negatives.errors import DataError
from negatives.events import Event, Warned
from negatives.machine import MODEST
from negatives.make.heading import Heading
from negatives.make.inverse_cloze import InverseCloze
from negatives.read.documents import read_passages
from negatives.schema import Collection

PUMP = [
    "A pump lifts water by turning a wheel. It stands beside the well behind the house.",
    "Nobody may open a pump that turns. Its wheel is of iron and very heavy indeed.",
]
DOCS = [
    {"id": "a/pump.md", "title": "Pumps", "text": "\n\n".join(PUMP)},
    {
        "id": "b/pump.md",
        "title": "",
        "text": "Pipes leak where they are old. Old pipes are of lead.",
    },
    {
        "id": "c.txt",
        "title": "Wells",
        "text": "A well is deep and dark. Its water is cold and clear.",
    },
]


def heard() -> tuple[list[str], object]:
    """Warnings, and who hears them."""
    texts: list[str] = []

    def hear(event: Event) -> None:
        if isinstance(event, Warned):
            texts.append(event.text)

    return texts, hear


def passages() -> Collection:
    return read_passages(DOCS, length=100, name="docs", emit=lambda event: None)


def written(*generators: object) -> tuple[Collection, list[str]]:
    texts, hear = heard()
    made = written_queries(passages(), generators, seed=0, machine=MODEST, emit=hear)  # type: ignore[arg-type]
    return made, texts


def test_a_heading_of_several_passages_is_one_query_with_all_of_them_as_positives() -> None:
    made, texts = written(Heading(words=1, shared=5))
    asked = dict(made.queries.select("query_id", "text").iter_rows())
    by_text = {
        asked[query]: sorted(rows["doc_id"]) for (query,), rows in made.qrels.group_by("query_id")
    }
    assert by_text == {"Pumps": ["a/pump.md#1", "a/pump.md#2"], "Wells": ["c.txt#1"]}
    assert texts == []
    whole = dict(made.corpus.select("doc_id", "text").iter_rows())
    assert whole["c.txt#1"].startswith("Wells A well is deep"), "a title stays before its passage"


def test_a_sentence_that_is_a_query_is_gone_from_its_passage_and_the_title_is_not() -> None:
    made, _ = written(Heading(words=1, shared=5), InverseCloze(keep=0.0))
    whole = dict(made.corpus.select("doc_id", "text").iter_rows())
    sentences = made.queries.filter(generator="inverse-cloze")
    assert len(sentences) == 3
    for name, text in sentences.select("query_id", "text").iter_rows():
        doc = name.partition(":")[2]
        assert text not in whole[doc]
        assert "Pumps" not in text
    assert whole["a/pump.md#1"].startswith("Pumps ")


def test_a_generator_whose_needs_no_document_meets_is_left_out_and_told() -> None:
    plain = [{"id": row["id"], "text": row["text"]} for row in DOCS]
    bare = read_passages(plain, length=100, emit=lambda event: None)
    bare = replace(bare, corpus=bare.corpus.drop("title", strict=False))
    texts, hear = heard()
    made = written_queries(bare, [Heading(), InverseCloze()], seed=0, machine=MODEST, emit=hear)  # type: ignore[arg-type]
    assert texts == ["no document has a title, so heading writes no queries"]
    assert set(made.queries["generator"]) == {"inverse-cloze"}
    with pytest.raises(DataError, match="heading needs the title of the documents"):
        written_queries(bare, [Heading()], seed=0, machine=MODEST, emit=hear)  # type: ignore[arg-type]


def test_what_very_many_passages_give_asks_for_none_of_them() -> None:
    made, _ = written(InverseCloze(keep=1.0))
    rows = pl.DataFrame({"number": range(SHARED + 1)}).select(
        query_id=pl.format("gen:x{}", "number"), doc_id=pl.lit(made.corpus["doc_id"][0])
    )
    many = pl.DataFrame({"n": range(SHARED + 1)}).select(
        doc_id=pl.format("x{}", "n"),
        text=pl.format("text {}", "n"),
        row=pl.col("n").cast(pl.UInt32) + 9,
    )
    corpus = pl.concat([made.corpus, many], how="diagonal").sort("doc_id")
    queries = pl.concat(
        [
            made.queries,
            rows.select("query_id", text=pl.lit("All rights reserved!"), row=pl.lit(9, pl.UInt32)),
        ],
        how="diagonal",
    ).sort("query_id")
    qrels = pl.concat(
        [
            made.qrels,
            rows.select(
                "query_id",
                doc_id=pl.col("query_id").str.strip_prefix("gen:"),
                relevance=pl.lit(1, pl.Int32),
            ),
        ]
    )
    texts, hear = heard()
    whole = replace(made, corpus=corpus, queries=queries, qrels=qrels)
    found = united(whole, hear)  # type: ignore[arg-type]
    assert found.queries["query_id"].to_list() == made.queries["query_id"].to_list()
    assert texts == [
        f"left out: 1 query that more than {SHARED} passages give, and so ask for none of them"
    ]


def test_dev_is_of_other_documents_and_of_one_document_it_is_told() -> None:
    made, _ = written(InverseCloze())
    sides = parted(made, 0.3, 0, lambda event: None).sides
    of = [{*side.qrels["doc_id"].str.replace("#.*", "")} for side in sides.values()]
    assert of[0].isdisjoint(of[1])
    few = parted(made, 0.01, 0, lambda event: None).sides
    assert len(few["dev"].mined_queries) >= 1, "one document at least is kept out"
    texts, hear = heard()
    one = made.qrels.filter(pl.col("doc_id").str.starts_with("a/"))
    alone = replace(made, qrels=one)
    assert len(parted(alone, 0.5, 0, hear).sides["dev"].mined_queries) == 1  # type: ignore[arg-type]
    assert texts[0].startswith("there is one document, so dev has other passages of it")
    single = replace(made, qrels=one.head(1))
    with pytest.raises(DataError, match="1 document hang together: none can be kept out"):
        parted(single, 0.5, 0, hear)  # type: ignore[arg-type]


def test_of_a_document_that_answers_each_passage_counts(tmp_path: Path) -> None:
    queries, qrels = tmp_path / "asked.jsonl", tmp_path / "answers.tsv"
    queries.write_text(
        '{"_id": "q", "text": "what lifts water"}\n{"_id": "r", "text": "how deep"}\n'
    )

    def found(*rows: str) -> tuple[dict[str, int], list[str]]:
        qrels.write_text("query-id\tcorpus-id\tscore\n" + "".join(f"{row}\n" for row in rows))
        texts, hear = heard()
        made = RealQuestions.read(queries, qrels).on(passages(), hear)  # type: ignore[arg-type]
        return dict(made.qrels.select("doc_id", "relevance").iter_rows()), texts

    both = {"a/pump.md#1": 1, "a/pump.md#2": 1}
    assert found("q\ta/pump.md\t1") == (both, [])
    assert found("q\ta/pump.md#2\t2", "q\ta/pump.md\t1") == (both | {"a/pump.md#2": 2}, [])
    told = ["1 judgement of real questions: of documents that are not here"]
    assert found("r\tc\t1", "r\tnowhere.md\t1") == ({"c.txt#1": 1}, told)
    with pytest.raises(DataError) as caught:
        found("q\tpump.md\t1")  # two documents are called so
    assert str(caught.value).startswith("none of 1 judgements names a query and a document")
    assert "such as 'a/pump.md'" in str(caught.value)


def test_a_real_question_that_was_written_too_does_not_count(tmp_path: Path) -> None:
    made, _ = written(Heading(words=1, shared=5))
    (tmp_path / "q.jsonl").write_text('{"_id": "q", "text": "WELLS"}\n{"_id": "r", "text": "x"}\n')
    (tmp_path / "a.tsv").write_text("q\tc.txt\t1\nr\tc.txt\t1\n")
    texts, hear = heard()
    asked = RealQuestions.read(tmp_path / "q.jsonl", tmp_path / "a.tsv")
    left = unseen(asked.on(passages(), hear), made, hear)  # type: ignore[arg-type]
    assert left.qrels["query_id"].to_list() == ["r"]
    assert texts == ["1 real question of the words of a written query: left out"]
