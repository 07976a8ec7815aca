"""Headings as queries: titles and other fields, alone and beside other generators."""

from __future__ import annotations

from pathlib import Path

import msgspec
import polars as pl
import pytest

import negatives as neg
from negatives.errors import DataError, RecipeError
from negatives.read import known_texts, load
from negatives.run.making import made_queries
from negatives.schema import Collection, check_collection
from tests.cli.commands import negatives

BODY = "Heat flows through a plate of steel. The wall of a cone is much colder than its tip."
TITLED = {
    "a": ("Heat in plates", BODY),
    "b": ("Overview", "Nothing of use is in here at all."),
    "c": ("Shock waves", "A cone has a shock wave."),
    "d": ("shock  WAVES!", "A wedge has another shock wave."),
    "e": ("", "No title stands before this text."),
    "f": ("Only a title", ""),
    "g": ("熱の流れについて", "熱は鋼の板を通って流れ、円錐の壁はその先端よりもはるかに冷たい。"),
}


@pytest.fixture(scope="module")
def titled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of documents, some with titles."""
    path = tmp_path_factory.mktemp("titled") / "corpus.jsonl"
    rows = [
        {"_id": key, "title": title, "text": text, "metadata": {"heading": f"Part {key} of it"}}
        for key, (title, text) in TITLED.items()
    ]
    path.write_bytes(msgspec.json.Encoder().encode_lines(rows))
    return path


def asked(made: Collection) -> dict[str, str]:
    return dict(made.queries.select("query_id", "text").iter_rows())


def test_a_title_is_read_into_the_text_and_kept_beside_it(titled: Path) -> None:
    corpus = known_texts(titled).corpus
    assert corpus.row(0, named=True)["text"] == f"Heat in plates {BODY}"
    titles = [title or None for title, _ in TITLED.values()]
    assert corpus["title"].to_list() == titles
    assert "title" in load("cranfield").corpus.columns


@pytest.mark.recipe("heading")
def test_titles_of_their_own_are_queries_of_the_texts_without_them(titled: Path) -> None:
    made = made_queries(known_texts(titled), neg.Heading())
    assert asked(made) == {"gen:a": "Heat in plates", "gen:g": TITLED["g"][0]}
    texts = dict(made.corpus.select("doc_id", "text").iter_rows())
    assert texts["a"] == BODY
    assert texts["b"] == "Overview Nothing of use is in here at all."
    check_collection(made)


def test_settings_say_which_headings_are_left_out(titled: Path) -> None:
    data = known_texts(titled)
    for heading, expected in {
        neg.Heading(words=1): "abg",
        neg.Heading(shared=2): "acdg",
        neg.Heading(words=3): "ag",
        neg.Heading(rest=40): "a",
        neg.Heading(field="heading"): "abcdeg",
    }.items():
        assert "".join(asked(made_queries(data, heading))) == "".join(
            f"gen:{key}" for key in expected
        ), heading


def test_several_generators_write_of_one_collection_each_from_what_is_left(titled: Path) -> None:
    made = made_queries(known_texts(titled), [neg.Heading(), neg.InverseCloze(keep=0)])
    check_collection(made)
    first, second = (asked(made)[key] for key in ("gen:a", "gen-2:a"))
    assert first == "Heat in plates"
    assert second in BODY
    left = made.corpus.filter(doc_id="a")["text"][0]
    assert left in BODY
    assert second not in left
    assert left
    of_a = made.qrels.filter(doc_id="a")
    assert of_a["query_id"].to_list() == ["gen-2:a", "gen:a"]
    by = dict(made.queries.select("query_id", "generator").iter_rows())
    assert (by["gen:a"], by["gen-2:a"]) == ("heading", "inverse-cloze")
    data = known_texts(titled)
    again = made_queries(data, [neg.Heading(), neg.Heading(name="more", field="heading")])
    assert "gen-2:a" in asked(again)


def test_what_two_ask_in_the_same_words_is_asked_once() -> None:
    corpus = pl.DataFrame(
        {"doc_id": ["a"], "title": ["Black tea"], "heading": ["Black  TEA"], "row": [0],
         "text": ["Black tea Steep it for four minutes."]}
    ).with_columns(pl.col("row").cast(pl.UInt32))  # fmt: skip
    data = known_texts("cranfield")
    both = [neg.Heading(), neg.Heading(name="other", field="heading")]
    made = made_queries(Collection("tea", "train", corpus, data.queries, data.qrels), both)
    assert asked(made) == {"gen:a": "Black tea"}


def test_the_command_makes_a_folder_with_several_kinds_and_their_settings(
    titled: Path, tmp_path: Path
) -> None:
    out = tmp_path / "made"
    kinds = ("--kind", "heading", "--kind", "inverse-cloze", "--set", "heading.words=1")
    said = negatives("make", titled, "--out", out, *kinds, "--quiet")
    assert said.stdout == f"{out}\n5 queries, of 7 documents: 3 give none\n"
    made = load(out)
    assert made.corpus.filter(doc_id="a")["text"][0] in BODY
    assert made.corpus.filter(doc_id="e")["text"][0] == TITLED["e"][1]
    bare = tmp_path / "bare.jsonl"
    bare.write_text('{"_id": "x", "text": "Nothing stands before this."}\n')
    for words, what in {
        kinds[:2]: "heading needs the title of the documents, and these have none",
        (*kinds[:4], "--set", "words=1"): "write --set heading.words=1",
        (*kinds[:2], "--set", "cloze.keep=1"): "there is no generator 'cloze' here",
        (*kinds[:2], *kinds[:2]): "--kind heading is given twice",
        (*kinds[:2], "--set", "words=0"): "words",
        ("--kind", "headin"): "did you mean 'heading'?",
    }.items():
        data = bare if words == kinds[:2] else titled
        refused = negatives("make", data, "--out", tmp_path / "other", *words)
        assert (refused.returncode, what in refused.stderr) == (2, True), refused.stderr
    assert not (tmp_path / "other").exists()


def test_nothing_to_ask_is_told_before_anything_is_written(titled: Path) -> None:
    with pytest.raises(DataError, match="heading finds nothing to make a query of in any of 7"):
        made_queries(known_texts(titled), neg.Heading(words=50))
    with pytest.raises(RecipeError, match="'text' is no field"):
        neg.Heading(field="text")
