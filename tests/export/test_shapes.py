"""The shapes that other trainers document, row by row, of a run known by heart.

`datasets` reads the lines as the trainers' loaders do; what each of them then looks up in a row is
said beside its test. ms-swift, contrastors, PyLate, DPR, Cohere, LlamaIndex and TRL are not
installed here: these are tests against their documentation and their readers' source.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from negatives.api import Run
from negatives.errors import InputError
from negatives.events import Event, Warned
from tests.export.conftest import DOCS, QUERIES


def lines(run: Run, tmp_path: Path, format: str, **options: Any) -> list[dict[str, Any]]:
    file = tmp_path / "x.jsonl"
    run.export(file, format=format, **options)
    return [json.loads(line) for line in file.read_text("utf-8").split("\n") if line]


def said(role: str, text: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text}]


def test_ms_swift_embeddings_have_exactly_one_positive_a_line(run: Run, tmp_path: Path) -> None:
    """docs/source_en/BestPractices/Embedding.md: the outer length of positive_messages is 1."""
    rows = lines(run, tmp_path, "ms-swift")
    negatives = [said("user", DOCS[doc]) for doc in ("d3", "d4", "d5")]
    assert rows[:2] == [
        {
            "messages": said("user", QUERIES["q1"]),
            "positive_messages": [said("user", DOCS[positive])],
            "negative_messages": negatives,
        }
        for positive in ("d1", "d2")
    ]
    assert len(rows) == 4


def test_ms_swift_rerankers_have_all_positives_of_a_query(run: Run, tmp_path: Path) -> None:
    """docs/source_en/BestPractices/Reranker.md: documents are an assistant's messages."""
    rows = lines(run, tmp_path, "ms-swift-reranker")
    assert rows[0] == {
        "messages": said("user", QUERIES["q1"]),
        "positive_messages": [said("assistant", DOCS[doc]) for doc in ("d1", "d2")],
        "negative_messages": [said("assistant", DOCS[doc]) for doc in ("d3", "d4", "d5")],
    }
    assert len(rows) == 3


def test_contrastors_lines_say_what_may_be_learned_from_them(run: Run, tmp_path: Path) -> None:
    """text_text_loader.py: columns are looked up in metadata.objective, scores beside them."""
    rows = lines(run, tmp_path, "contrastors", scores=True)
    assert rows[0] == {
        "query": QUERIES["q1"],
        "document": DOCS["d1"],
        "negatives": [DOCS["d3"], DOCS["d4"], DOCS["d5"]],
        "document_score": 9.5,
        "negatives_scores": [7.0, 7.0, 1.5],
        "metadata": {
            "objective": {
                "self": [],
                "paired": [["query", "document"]],
                "triplet": [["query", "document", "negatives"]],
            }
        },
    }
    for columns in rows[0]["metadata"]["objective"]["triplet"]:
        assert {*columns} <= {*rows[0]}


def test_pylate_finds_the_texts_of_its_ids_in_two_tables_beside(run: Run, tmp_path: Path) -> None:
    """pylate.utils.KDProcessing: query_id, document_ids and scores; ids are found by equality."""
    heard: list[Event] = []
    run.export(tmp_path / "kd.parquet", format="pylate-kd", emit=heard.append)
    rows, queries, documents = (
        pl.read_parquet(tmp_path / f"kd{name}.parquet") for name in ("", "-queries", "-documents")
    )
    assert rows.rows() == [
        ("q1", ["d1", "d2", "d3", "d4", "d5"], [9.5, 8.25, 7.0, 7.0, 1.5]),
        ("q2", ["d4", "d5"], [3.0, 2.5]),
        ("q4", ["d6", "d2", "d1"], [6.0, 5.5, 5.75]),
    ]
    assert (rows.columns, queries.columns, documents.columns) == (
        ["query_id", "document_ids", "scores"],
        ["query_id", "text"],
        ["document_id", "text"],
    )
    assert dict(queries.rows()) == {name: QUERIES[name] for name in ("q1", "q2", "q4")}
    assert dict(documents.rows()) == {f"d{n}": DOCS[f"d{n}"] for n in range(1, 7)}
    told = [event.text for event in heard if isinstance(event, Warned)]
    assert f"{tmp_path / 'kd-documents.parquet'} holds the documents of KDProcessing" in told


def test_dpr_opens_title_and_text_of_three_lists(run: Run, tmp_path: Path) -> None:
    """biencoder_data.py: JsonQADataset loads an array, and takes two fields of a passage."""
    run.export(tmp_path / "x.json", format="dpr")
    array = json.loads((tmp_path / "x.json").read_text("utf-8"))
    assert array == lines(run, tmp_path, "dpr")
    assert array[1] == {
        "question": QUERIES["q2"],
        "answers": [],
        "positive_ctxs": [{"title": "", "text": DOCS["d4"], "passage_id": "d4"}],
        "negative_ctxs": [],
        "hard_negative_ctxs": [{"title": "", "text": DOCS["d5"], "passage_id": "d5"}],
    }
    scored = lines(run, tmp_path, "dpr", scores=True)[1]
    assert [scored[name][0]["score"] for name in ("positive_ctxs", "hard_negative_ctxs")] == [
        3,
        2.5,
    ]


def test_cohere_takes_three_fields(run: Run, tmp_path: Path) -> None:
    """docs.cohere.com, Preparing the Rerank Fine-tuning Data."""
    assert lines(run, tmp_path, "cohere")[1] == {
        "query": QUERIES["q2"],
        "relevant_passages": [DOCS["d4"]],
        "hard_negatives": [DOCS["d5"]],
    }


def test_llama_index_has_mappings_by_id(run: Run, tmp_path: Path) -> None:
    """EmbeddingQAFinetuneDataset.from_json: the four fields of the model, and no other."""
    rows = run.export(tmp_path / "x.json", format="llama-index")
    found = json.loads((tmp_path / "x.json").read_text("utf-8"))
    assert [*found] == ["queries", "corpus", "relevant_docs", "mode"]
    assert found["queries"] == {name: QUERIES[name] for name in ("q1", "q2", "q4")}
    assert found["corpus"] == {f"d{n}": DOCS[f"d{n}"] for n in range(1, 7)}
    assert found["relevant_docs"] == {"q1": ["d1", "d2"], "q2": ["d4"], "q4": ["d6"]}
    assert rows == len(found["queries"])
    assert [file.name for file in tmp_path.iterdir()] == ["x.json"]


def test_preferences_and_completions(run: Run, tmp_path: Path) -> None:
    """TRL, Dataset formats and types: preference with an explicit prompt; unpaired preference."""
    rows = lines(run, tmp_path, "preference", scores=True)
    assert rows[0] == {
        "prompt": QUERIES["q1"],
        "chosen": DOCS["d1"],
        "rejected": DOCS["d3"],
        "score_chosen": 9.5,
        "score_rejected": 7.0,
    }
    assert len(rows) == 9
    completions = lines(run, tmp_path, "kto")
    assert completions[0] == {"prompt": QUERIES["q1"], "completion": DOCS["d1"], "label": True}
    assert [row["label"] for row in completions[:5]] == [True, True, False, False, False]


def test_tevatrons_ids_point_into_the_corpus_beside_them(run: Run, tmp_path: Path) -> None:
    """retriever/dataset.py: a corpus of docid and text, named by --corpus_path."""
    rows = lines(run, tmp_path, "tevatron", ids=True)
    corpus = {
        row["docid"]: row["text"]
        for row in map(
            json.loads, (tmp_path / "x-corpus.jsonl").read_text("utf-8").split("\n")[:-1]
        )
    }
    named = {doc for row in rows for side in ("positive", "negative") for doc in row[f"{side}_document_ids"]}  # fmt: skip  # noqa: E501
    assert {*corpus} == named
    assert all(corpus[doc] == DOCS[doc] for doc in named)


def test_datasets_reads_every_shape_of_lines(run: Run, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    for format in ("ms-swift", "ms-swift-reranker", "contrastors", "cohere", "dpr", "kto"):
        rows = run.export(tmp_path / f"{format}.jsonl", format=format)
        found = datasets.load_dataset(
            "json",
            data_files=str(tmp_path / f"{format}.jsonl"),
            split="train",
            cache_dir=str(tmp_path / "hf"),
        )
        assert len(found) == rows
        if format == "ms-swift":
            assert found[0]["positive_messages"] == [said("user", DOCS["d1"])]


def test_what_a_format_has_no_place_for_is_refused(run: Run, tmp_path: Path) -> None:
    for format, options, why in (
        ("cohere", {"ids": True}, "Cohere's lines hold texts, and nothing else"),
        ("ms-swift", {"scores": True}, "ms-swift's lines have no place for scores"),
        ("kto", {"scores": True}, "KTO learns from labels, and has no place for scores"),
    ):
        with pytest.raises(InputError, match=why):
            run.export(tmp_path / "x.jsonl", format=format, **options)  # type: ignore[arg-type]
