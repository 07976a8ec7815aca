"""Mentions of entities in texts: by hand on a few, and the promises of what is drawn."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from negatives.errors import DataError
from negatives.read import load
from negatives.read.ontology import BEGIN, END, Mentions, mentions, read_ontology, write_mentions
from tests.cli.commands import negatives

ENTITIES: list[dict[str, Any]] = [
    {
        "cui": "C1", "name": "Myocardial infarction", "aliases": ["heart attack", "MI"],
        "type": "disease", "parent": "C4",
    },
    {"cui": "C2", "name": "Aspirin", "aliases": ["ASS", "acetylsalicylic acid"], "type": "drug"},
    {
        "cui": "C3", "name": "Emergency room", "aliases": ["ER", "casualty"],
        "description": "A place.",
    },
    {"cui": "C4", "name": "Heart disease", "aliases": ["er"]},
]  # fmt: skip
SENTENCES = [
    "After a heart attack, aspirin is given.",
    "İn the casualty: a HEART ATTACK!",
    "Heart attacks are many; see the ER.",
    "Is aspirin a heart disease drug?",
    "Acetylsalicylic acid helps.",
]


def written(
    folder: Path, rows: list[dict[str, Any]] = ENTITIES, copies: int = 12
) -> tuple[Path, Path]:
    entities, texts = folder / "entities.jsonl", folder / "texts.jsonl"
    entities.write_text("".join(json.dumps(row) + "\n" for row in rows))
    docs = [{"_id": f"t{n}-{k}", "text": s} for n in range(copies) for k, s in enumerate(SENTENCES)]
    texts.write_text("".join(json.dumps(doc) + "\n" for doc in docs))
    return entities, texts


def sentences(ids: str) -> pl.DataFrame:
    return pl.DataFrame({"doc_id": list(ids), "text": SENTENCES[: len(ids)]})


@pytest.mark.recipe("kriss")
def test_only_whole_names_of_one_entity_are_mentions(tmp_path: Path) -> None:
    entities, _ = written(tmp_path)
    how = Mentions(bank=0, dev=0, shortest=2)
    made = mentions(read_ontology(entities), sentences("abcde"), how)
    (train,) = made.splits
    said = sorted(
        re.findall(rf"{re.escape(BEGIN)} (.*) {re.escape(END)}", text)[0]
        for text in train.queries["text"]
    )
    wanted = ["Acetylsalicylic acid", "aspirin", "aspirin", "casualty", "heart attack"]
    assert said == [*wanted, "heart attack", "heart disease"]
    assert made.figures["names of several entities"] == 1  # er, which is in no query: "ER" is not
    first = train.queries.filter(pl.col("text").str.starts_with("After"))["text"]
    assert {*first} == {
        f"After a heart attack, {BEGIN} aspirin {END} is given.",
        f"After a {BEGIN} heart attack {END} , aspirin is given.",
    }


def test_the_reference_text_has_what_the_ontology_knows(tmp_path: Path) -> None:
    entities, texts = written(tmp_path)
    write_mentions(entities, texts, tmp_path / "out")
    data = load(tmp_path / "out", split="train")
    of = dict(data.corpus.select("doc_id", "text").rows())
    assert of["C1"] == "Myocardial infarction heart attack, MI. disease. Heart disease"
    assert of["C3"] == "Emergency room ER, casualty. A place."
    fields = {row["doc_id"]: row for row in data.corpus.iter_rows(named=True)}
    assert (fields["C1"]["parent"], fields["C1"]["title"]) == ("C4", "Myocardial infarction")
    assert (fields["C1#0"]["parent"], fields["C1#0"]["type"]) == ("C1", "disease")


@pytest.mark.recipe("kriss")
def test_a_query_has_all_documents_of_its_entity_and_no_text_is_on_two_sides(
    tmp_path: Path,
) -> None:
    entities, texts = written(tmp_path)
    figures = write_mentions(entities, texts, tmp_path / "out", Mentions(prototypes=2, most=4))
    assert figures["prototypes"] <= 2 * 4
    for name in ("train", "dev"):
        data = load(tmp_path / "out", split=name)
        for query in data.queries["query_id"]:
            entity = query.split("@")[0]
            positives = data.qrels.filter(pl.col("query_id") == query)["doc_id"]
            docs = data.corpus["doc_id"]
            assert {*positives} == {doc for doc in docs if doc.split("#")[0] == entity}
        assert data.qrels.group_by("query_id").len()["len"].max() <= 3  # type: ignore[operator]


@pytest.mark.recipe("kriss")
def test_names_are_exchanged_in_training_only_and_as_often_as_asked(tmp_path: Path) -> None:
    entities, texts = written(tmp_path)
    made = {}
    for replace in (0.0, 1.0):
        out = tmp_path / f"out-{replace:g}"
        write_mentions(entities, texts, out, Mentions(replace=replace))
        made[replace] = {
            split: dict(load(out, split=split).queries.select("query_id", "text").rows())
            for split in ("train", "dev")
        }
    assert made[0.0]["dev"] == made[1.0]["dev"]
    assert made[0.0]["train"].keys() == made[1.0]["train"].keys()
    for query, text in made[1.0]["train"].items():
        before = made[0.0]["train"][query]
        several = not query.startswith(("C4", "C3"))  # the other names of these are ambiguous
        assert (text != before) == (several or query.startswith("C3"))


def test_what_is_no_ontology_is_refused(tmp_path: Path) -> None:
    def refusal(rows: list[dict[str, Any]]) -> str:
        with pytest.raises(DataError) as caught:
            read_ontology(written(tmp_path, rows)[0])
        return str(caught.value).replace(f"{tmp_path}/", "")

    assert refusal([{"cui": "C1", "words": "x"}]) == (
        "no column of names among 'cui', 'words'\n"
        "  where: entities.jsonl\n"
        "  fix:   call it name; others are title, label, canonical_name, preferred_label"
    )
    assert "1 id comes twice: C1" in refusal([{"cui": "C1", "name": "a"}] * 2)
    assert "1 entity lacks an id or a name: row 2" in refusal(
        [{"cui": "C1", "name": "a"}, {"cui": "C2", "name": " "}]
    )
    entities, texts = written(tmp_path, [{"cui": "C1", "name": "nothing of the sort"}])
    with pytest.raises(DataError, match="no text names an entity by a name that only one entity"):
        write_mentions(entities, texts, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_table_has_its_aliases_between_bars(tmp_path: Path) -> None:
    path = tmp_path / "entities.csv"
    path.write_text("id,title,synonyms\n1,Aspirin,ASS|acid\n")
    assert read_ontology(path)["aliases"].to_list() == [["ASS", "acid"]]


def test_the_command_says_what_it_made_and_refuses_odd_settings(tmp_path: Path) -> None:
    entities, texts = written(tmp_path)
    made = negatives("data", "mentions", entities, texts, "-o", tmp_path / "out", "--json")
    assert made.returncode == 0
    assert json.loads(made.stdout)["entities mentioned"] == 4
    wrong = negatives("data", "mentions", entities, texts, "-o", tmp_path / "no", "--window", "1")
    assert wrong.returncode == 2
    assert "1 is no window" in wrong.stderr
