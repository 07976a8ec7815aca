"""Data shapes that people really have: each written down once, and how it is given to negatives.

One list for the test and for the table in docs/data-in.md. A shape is the same four questions and
answers each time, in the form in which some library or data set keeps them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

QUERIES = {
    "q1": "how is lift made",
    "q2": "what is drag",
    "q3": "why do wings stall",
    "q4": "who flew first",
}
DOCS = {
    "d1": "lift comes of the difference in pressure above and below a wing",
    "d2": "drag is the force of the air against a moving body",
    "d3": "a wing stalls where the flow leaves its upper side",
    "d4": "the brothers Wright flew first in the year 1903",
    "d5": "a propeller turns the work of an engine into thrust",
    "d6": "flaps make a wing more curved for the landing",
}
"""The last two answer nothing: only a corpus has them."""

PAIRS = [("q1", "d1"), ("q2", "d2"), ("q3", "d3"), ("q4", "d4")]
NUMBERS = {name: int(name[1:]) for name in (*QUERIES, *DOCS)}

Make = Callable[[Path], Any]


@dataclass(frozen=True)
class Shape:
    """`name` and `who`, as the table of the docs has them; `make` writes it into a folder, or makes
    the object. `options`: of the command and of the call. `documents`: in the whole corpus.
    """

    name: str
    who: str
    example: str
    how: str
    make: Make
    options: Mapping[str, Any] = field(default_factory=dict)
    documents: int = 4
    positives: int = 4
    recipe: str = "default"


def _rows(negative: bool = False) -> dict[str, list[str]]:
    made = {
        "anchor": [QUERIES[query] for query, _ in PAIRS],
        "positive": [DOCS[doc] for _, doc in PAIRS],
    }
    return made | ({"negative": [DOCS["d5"], DOCS["d6"]] * 2} if negative else {})


def _jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def _lines(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def faq_frame(_: Path) -> Any:
    """A spreadsheet of questions and answers, read by pandas."""
    import pandas as pd

    rows = _rows()
    return pd.DataFrame({"question": rows["anchor"], "answer": rows["positive"]})


def faq_with_articles(folder: Path) -> Path:
    """The same as CSV, its columns in another language, and the whole knowledge base beside it."""
    import polars as pl

    rows = _rows()
    articles = {"id": [*range(1, 7)], "title": [""] * 6, "text": [*DOCS.values()]}
    pl.DataFrame(articles).write_csv(folder / "articles.csv")
    frame = pl.DataFrame({"Frage": rows["anchor"], "Antwort": rows["positive"]})
    frame.write_csv(folder / "faq.csv")
    return folder / "faq.csv"


def ids_beside_texts(folder: Path) -> Path:
    """Pairs of whole numbers, and two tables that have their texts."""
    import polars as pl

    for name, texts in (("docs", DOCS), ("asked", QUERIES)):
        columns = {"id": [NUMBERS[each] for each in texts], "text": [*texts.values()]}
        pl.DataFrame(columns).write_parquet(folder / f"{name}.parquet")
    numbers = [(NUMBERS[query], NUMBERS[doc]) for query, doc in PAIRS]
    frame = pl.DataFrame(numbers, schema=["query_id", "doc_id"], orient="row")
    frame.write_csv(folder / "pairs.csv")
    return folder / "pairs.csv"


def evaluator_dictionaries(_: Path) -> Any:
    """What the evaluators of sentence-transformers and BEIR take; here with UUIDs for ids."""
    uuids = {name: UUID(int=number) for name, number in NUMBERS.items() if name in DOCS}
    return {
        "queries": QUERIES,
        "corpus": {uuids[doc]: {"title": "", "text": text} for doc, text in DOCS.items()},
        "relevant_docs": {query: {uuids[doc]} for query, doc in PAIRS},
    }


def llamaindex(folder: Path) -> Path:
    """An EmbeddingQAFinetuneDataset, as its save_json writes it."""
    judged = {query: [doc] for query, doc in PAIRS}
    whole = {"queries": QUERIES, "corpus": DOCS, "relevant_docs": judged, "mode": "text"}
    (folder / "qa.json").write_text(json.dumps(whole, indent=4), "utf-8")
    return folder / "qa.json"


def triplet_dataset(_: Path) -> Any:
    """A dataset of triplets, as sentence-transformers trains with."""
    import datasets

    return datasets.Dataset.from_dict(_rows(negative=True))


def scored_dataset(_: Path) -> Any:
    """Pairs with a score between 0 and 1."""
    import datasets

    rows = _rows()
    wrong = [*rows["positive"][1:], rows["positive"][0]]
    return datasets.Dataset.from_dict(
        {
            "sentence1": rows["anchor"] * 2,
            "sentence2": rows["positive"] + wrong,
            "score": [0.9, 0.8, 1.0, 0.7, 0.1, 0.0, 0.3, 0.2],
        }
    )


def labelled_dataset(_: Path) -> Any:
    """Pairs with a class: duplicates or not."""
    import datasets

    scored = scored_dataset(_)
    labels = [int(score > 0.5) for score in scored["score"]]
    made = scored.remove_columns("score").add_column("label", labels)
    names = datasets.ClassLabel(names=["not_duplicate", "duplicate"])
    return made.cast_column("label", names)


def beir_parquet(folder: Path) -> Path:
    """A BEIR folder in Parquet, its ids whole numbers."""
    import polars as pl

    out = folder / "beir"
    (out / "qrels").mkdir(parents=True)
    for name, texts in (("corpus", DOCS), ("queries", QUERIES)):
        columns = {"_id": [NUMBERS[each] for each in texts], "text": [*texts.values()]}
        pl.DataFrame(columns).write_parquet(out / f"{name}.parquet")
    rows = [(NUMBERS[query], NUMBERS[doc], 1) for query, doc in PAIRS]
    frame = pl.DataFrame(rows, schema=["query-id", "corpus-id", "score"], orient="row")
    frame.write_parquet(out / "qrels" / "train.parquet")
    return out


def three_tables(_: Path) -> Any:
    """A DatasetDict of corpus, queries and qrels, as BEIR and MTEB are kept on the hub."""
    import datasets

    return datasets.DatasetDict(
        corpus=datasets.Dataset.from_dict({"_id": [*DOCS], "text": [*DOCS.values()]}),
        queries=datasets.Dataset.from_dict({"_id": [*QUERIES], "text": [*QUERIES.values()]}),
        qrels=datasets.Dataset.from_dict(
            {
                "query-id": [query for query, _ in PAIRS],
                "corpus-id": [doc for _, doc in PAIRS],
                "score": [1] * 4,
            }
        ),
    )


def msmarco(folder: Path) -> Path:
    """MS MARCO's own files: no header, ids are numbers, qrels are TREC's."""
    for name, texts in (("collection", DOCS), ("queries.train", QUERIES)):
        _lines(folder / f"{name}.tsv", *(f"{NUMBERS[own]}\t{text}" for own, text in texts.items()))
    rows = [f"{NUMBERS[query]}\t0\t{NUMBERS[doc]}\t1" for query, doc in PAIRS]
    return _lines(folder / "qrels.train.tsv", *rows)


def trec(folder: Path) -> Path:
    """Topics, qrels and a corpus."""
    topics = "".join(
        f"<top>\n<num> Number: {query}\n<title> {text}\n</top>\n" for query, text in QUERIES.items()
    )
    _lines(folder / "trec" / "topics.txt", topics)
    _lines(folder / "trec" / "qrels.txt", *(f"{query} 0 {doc} 1" for query, doc in PAIRS))
    _jsonl(folder / "trec" / "corpus.jsonl", [{"id": doc, "text": DOCS[doc]} for doc in DOCS])
    return folder / "trec"


def flagembedding(folder: Path) -> Path:
    """Lists of positives and negatives."""
    rows = [{"query": QUERIES[q], "pos": [DOCS[d]], "neg": [DOCS["d5"]]} for q, d in PAIRS]
    return _jsonl(folder / "bge.jsonl", rows)


def tevatron(folder: Path) -> Path:
    """Passages as objects."""
    rows = [
        {
            "query_id": query,
            "query": QUERIES[query],
            "positive_passages": [{"docid": doc, "title": "", "text": DOCS[doc]}],
            "negative_passages": [{"docid": "d5", "title": "", "text": DOCS["d5"]}],
        }
        for query, doc in PAIRS
    ]
    return _jsonl(folder / "tevatron.jsonl", rows)


def dpr(folder: Path) -> Path:
    """Questions with contexts, one JSON array."""
    rows = [
        {
            "question": QUERIES[query],
            "answers": [],
            "positive_ctxs": [{"title": "", "text": DOCS[doc], "passage_id": doc}],
            "negative_ctxs": [],
            "hard_negative_ctxs": [{"title": "", "text": DOCS["d6"], "passage_id": "d6"}],
        }
        for query, doc in PAIRS
    ]
    (folder / "nq-train.json").write_text(json.dumps(rows, indent=4), "utf-8")
    return folder / "nq-train.json"


def ratings(folder: Path) -> Path:
    """Who rated what, from one star to five."""
    rows = [
        f"{user},{item},{5 - (user + item) % 5}" for user in range(1, 5) for item in range(1, 7)
    ]
    return _lines(folder / "ratings.csv", "user_id,item_id,rating", *rows)


def labelled(folder: Path) -> Path:
    """A folder of texts, each with a list of its labels."""
    answered = {query: [doc for each, doc in PAIRS if each == query] for query, _ in PAIRS}
    rows = [{"_id": q, "text": QUERIES[q], "labels": docs} for q, docs in answered.items()]
    _jsonl(folder / "tags" / "train.jsonl", rows)
    named = [{"_id": doc, "label": DOCS[doc]} for _, doc in PAIRS]
    return _jsonl(folder / "tags" / "labels.jsonl", named).parent


SHAPES = (
    Shape(
        "a data frame of questions and answers",
        "pandas, polars",
        "`question`, `answer`",
        "`neg.mine(frame, RUN)`",
        faq_frame,
    ),
    Shape(
        "a FAQ and a large knowledge base",
        "CSV, Excel's export",
        "`faq.csv`: `Frage`, `Antwort`; `articles.csv`: `id`, `title`, `text`",
        "`negatives mine faq.csv --corpus articles.csv --query-column Frage "
        "--positive-column Antwort`",
        faq_with_articles,
        {"corpus": "articles.csv", "query_column": "Frage", "positive_column": "Antwort"},
        documents=6,
    ),
    Shape(
        "pairs of ids, and tables of texts",
        "databases, MTEB's own files",
        "`pairs.csv`: `query_id`, `doc_id`; `docs.parquet`, `asked.parquet`: `id`, `text`",
        "`negatives mine pairs.csv --corpus docs.parquet --queries asked.parquet`",
        ids_beside_texts,
        {"corpus": "docs.parquet", "queries": "asked.parquet"},
        documents=6,
    ),
    Shape(
        "dictionaries by ids",
        "BEIR's loader, evaluators of sentence-transformers, MTEB's tasks",
        '`{"queries": {id: text}, "corpus": {id: text}, "relevant_docs": {id: {id}}}`',
        "`neg.mine(data, RUN)`, or `Collection.from_pairs(queries, corpus, qrels)`",
        evaluator_dictionaries,
        documents=6,
    ),
    Shape(
        "one JSON file of queries, corpus and relevant_docs",
        "LlamaIndex: EmbeddingQAFinetuneDataset",
        "`qa.json`",
        "`negatives mine qa.json`",
        llamaindex,
        documents=6,
    ),
    Shape(
        "a dataset of pairs or of triplets",
        "sentence-transformers, Hugging Face",
        "`anchor`, `positive` (, `negative`)",
        "`neg.mine(dataset, RUN)`",
        triplet_dataset,
        documents=6,
    ),
    Shape(
        "pairs with a score",
        "sentence-transformers: pair-score, STS",
        "`sentence1`, `sentence2`, `score`",
        "`Collection.from_dataset(dataset, relevant_from=0.5)`, `--relevant-from 0.5`",
        scored_dataset,
        {"relevant_from": 0.5},
    ),
    Shape(
        "pairs with a class",
        "sentence-transformers: pair-class, Quora",
        "`sentence1`, `sentence2`, `label`: duplicate or not",
        "`neg.mine(dataset, RUN)`",
        labelled_dataset,
    ),
    Shape(
        "a BEIR folder, also in Parquet or CSV, ids as numbers",
        "BEIR",
        "`corpus.parquet`, `queries.parquet`, `qrels/train.parquet`",
        "`negatives mine FOLDER`",
        beir_parquet,
        documents=6,
    ),
    Shape(
        "a DatasetDict of corpus, queries and qrels",
        "Hugging Face, MTEB",
        "`corpus`: `_id`, `text`; `qrels`: `query-id`, `corpus-id`, `score`",
        "`neg.mine(dataset_dict, RUN)`; on the hub `negatives mine OWNER/NAME`",
        three_tables,
        documents=6,
    ),
    Shape(
        "tab-separated files without a header",
        "MS MARCO",
        "`collection.tsv`, `queries.train.tsv`, `qrels.train.tsv`",
        "`negatives mine qrels.train.tsv --corpus collection.tsv --queries queries.train.tsv`",
        msmarco,
        {"corpus": "collection.tsv", "queries": "queries.train.tsv"},
        documents=6,
    ),
    Shape(
        "topics, qrels and a corpus",
        "TREC; `ir_datasets:NAME` needs no files",
        "`topics.txt`, `qrels.txt`, `corpus.jsonl`",
        "`negatives mine FOLDER`",
        trec,
        documents=6,
    ),
    Shape(
        "lists of positives and negatives",
        "FlagEmbedding",
        "`query`, `pos`, `neg`",
        "`negatives mine bge.jsonl`",
        flagembedding,
        documents=5,
    ),
    Shape(
        "passages as objects",
        "Tevatron",
        "`query`, `positive_passages`, `negative_passages`",
        "`negatives mine tevatron.jsonl`",
        tevatron,
        documents=5,
    ),
    Shape(
        "questions with contexts",
        "DPR",
        "`question`, `positive_ctxs`, `hard_negative_ctxs`",
        "`negatives mine nq-train.json`",
        dpr,
        documents=5,
    ),
    Shape(
        "users, items and ratings",
        "recommendation: MovieLens, RecBole",
        "`user_id`, `item_id`, `rating`",
        "`negatives mine ratings.csv --relevant-from 4 --recipe popularity`",
        ratings,
        {"relevant_from": 4},
        documents=6,
        positives=9,
        recipe="popularity",
    ),
    Shape(
        "texts with lists of labels",
        "extreme classification",
        "`train.jsonl`: `text`, `labels`; `labels.jsonl`: `_id`, `label`",
        "`negatives mine FOLDER`, `negatives train FOLDER --recipe ngame`",
        labelled,
    ),
)


def table() -> str:
    """The table of docs/data-in.md."""
    rows = ["| you have | as in | for example | one command, or one call |", "|---|---|---|---|"]
    rows += [f"| {s.name} | {s.who} | {s.example} | {s.how} |" for s in SHAPES]
    return "\n".join(rows) + "\n"


def written(page: str) -> str:
    """The page with the table as it is now."""
    head, rest = page.split("| you have |", 1) if "| you have |" in page else page.split("TABLE\n")
    after = rest.split("\n\n", 1)[1] if "| you have |" in page else rest
    return f"{head}{table()}\n{after.lstrip()}"


if __name__ == "__main__":
    PAGE = Path(__file__).parents[2] / "docs" / "data-in.md"
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
