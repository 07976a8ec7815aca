"""The inverse cloze task: queries, and passages without them, from documents alone."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.errors import DataError, RecipeError, WorkError
from negatives.generator import Generator, written
from negatives.read import load
from negatives.run.making import made_queries
from negatives.schema import Collection, check_collection
from negatives.text.sentences import sentences
from tests.build import collection, context
from tests.cli.commands import negatives

LONG = "Heat flows through a plate of steel. It is slow. A cone has a shock wave of its own. End."
DOCS = {"a": LONG, "b": "Only one sentence is in here", "c": "", "d": "Hot. Cold."}


def test_a_sentence_ends_where_a_reader_of_its_script_sees_it_end() -> None:
    for text, expected in {
        'Pi is 3.14. "Yes!" she said?': ["Pi is 3.14. ", '"Yes!" ', "she said?"],
        "你好。再见！": ["你好。", "再见！"],
        "यह है। वह है": ["यह है। ", "वह है"],
        "A title\n\nand a text": ["A title\n\n", "and a text"],
        "": [],
    }.items():
        found = sentences(pl.Series([text])).to_list()[0]
        assert found == expected
        assert "".join(found) == text


@pytest.mark.recipe("inverse-cloze")
def test_a_sentence_is_the_query_and_the_rest_its_positive() -> None:
    made = made_queries(collection(DOCS, {"q": "?"}), neg.InverseCloze(keep=0))
    assert made.queries["query_id"].to_list() == ["gen:a"]
    query = made.queries["text"][0]
    assert query in ("Heat flows through a plate of steel.", "A cone has a shock wave of its own.")
    passage = made.corpus.filter(doc_id="a")["text"][0]
    assert " ".join(passage.split()) == " ".join(LONG.replace(query, "").split())
    assert made.corpus.filter(pl.col("doc_id") != "a")["text"].to_list() == list(DOCS.values())[1:]
    assert made.qrels.rows() == [("gen:a", "a", 1)]
    check_collection(made)
    kept = made_queries(collection(DOCS, {"q": "?"}), neg.InverseCloze(keep=1))
    assert kept.corpus.filter(doc_id="a")["text"].to_list() == [LONG]


def test_the_sentence_stays_in_one_passage_of_ten_drawn_by_seed_and_id_alone(
    tmp_path: Path,
) -> None:
    data = load("cranfield")
    rows = np.arange(len(data.corpus), dtype=np.uint32)
    every = written(neg.InverseCloze(), context(data, tmp_path, seed=1), rows)
    whole = data.corpus["text"].gather(every["doc"])
    stays = (every["passage"] == whole.str.strip_chars()).mean()
    assert isinstance(stays, float)
    assert 0.07 < stays < 0.13
    some = written(neg.InverseCloze(), context(data, tmp_path, seed=1), rows[700:710])
    assert some.equals(every.filter(pl.col("doc").is_between(700, 709)))
    assert not every.equals(written(neg.InverseCloze(), context(data, tmp_path, seed=2), rows))


def test_make_writes_a_folder_that_is_described_mined_and_linted(tmp_path: Path) -> None:
    data, out = tmp_path / "corpus.jsonl", tmp_path / "made"
    texts = (f"Heat no. {n} flows through {n} plates of steel. It is {n}." for n in range(9))
    rows = [{"_id": f"d{n}", "text": text} for n, text in enumerate(texts)]
    data.write_bytes(msgspec.json.Encoder().encode_lines(rows))
    said = negatives("make", data, "--out", out, "--json", "--quiet")
    assert msgspec.json.decode(said.stdout)["queries"] == 9
    queries = (out / "queries.jsonl").read_text().splitlines()
    assert msgspec.json.decode(queries[0])["generator"] == "inverse-cloze"
    again = negatives("make", data, "--out", out)
    assert (again.returncode, "the folder is not empty" in again.stderr) == (2, True)
    other = negatives("make", data, "--out", tmp_path / "other", "--quiet")
    assert other.stdout.endswith("9 queries, of 9 documents: one each\n")
    for file in ("corpus.jsonl", "queries.jsonl", "qrels/train.tsv"):
        assert (tmp_path / "other" / file).read_bytes() == (out / file).read_bytes()
    run = neg.mine(out, tmp_path / "run", sources=[neg.Random(top=3)])
    assert run.manifest.counts.queries == 9
    assert not [each for each in neg.lint(run.path).findings if each.severity == "error"]


def test_what_nothing_can_be_made_of_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing to make a query of in any of 4 documents"):
        made_queries(collection(DOCS, {"q": "?"}), neg.InverseCloze(shortest=500))
    without = Collection(
        "ids", "train", pl.DataFrame({"doc_id": ["a"], "row": [0]}),
        pl.DataFrame({"query_id": ["q"], "row": [0]}), collection({"a": "x"}, {"q": "?"}).qrels,
    )  # fmt: skip
    with pytest.raises(DataError, match="inverse-cloze needs the text of the documents"):
        made_queries(without, neg.InverseCloze())
    with pytest.raises(RecipeError, match="writes queries, not documents") as caught:
        neg.mine("cranfield", tmp_path / "run", recipe="inverse-cloze")
    assert "negatives make DATA" in caught.value.fix
    assert not (tmp_path / "run").exists()


class Careless(Generator):
    """Writes what it is told to, right or wrong."""

    text: str = "a question"
    doc: int = 0

    generates = "queries"

    def write(self, context: object, rows: object) -> pl.DataFrame:
        """One row."""
        made = {"doc": [self.doc], "text": [self.text], "passage": [None]}
        schema = {"doc": pl.UInt32, "text": pl.String, "passage": pl.String}
        return pl.DataFrame(made, schema=schema)


def test_a_generator_that_breaks_its_promises_is_named() -> None:
    for wrong, what in ((Careless(text=" "), "an empty text"), (Careless(doc=9), "not given")):
        with pytest.raises(WorkError, match=what):
            made_queries(collection(DOCS, {"q": "?"}), wrong)
    assert len(made_queries(collection(DOCS, {"q": "?"}), Careless()).queries) == 1
