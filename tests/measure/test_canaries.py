"""Canaries are alike on either side, stand where they were planted, and give a model away."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from scipy.stats import ks_2samp

import negatives as neg
from negatives.cli import app
from negatives.errors import InputError
from negatives.measure.canaries import ALIKE, MOST, Canaries, plant_canaries, written
from negatives.models.causal_lm import CausalLM
from tests.cli.commands import negatives
from tests.each import for_each
from tests.models.taught_lm import save_taught

COUNT, TOKENS, REPEATS = 24, 12, 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that knows cranfield's words, and a little of how they follow one another."""
    texts = neg.Collection.load("cranfield").corpus["text"].to_list()
    return save_taught(tmp_path_factory.mktemp("writer") / "m", texts[:200], texts, steps=60)


@pytest.fixture(scope="module")
def made(folder: str) -> Canaries:
    data = neg.Collection.load("cranfield")
    return plant_canaries(data, CausalLM(folder), count=COUNT, tokens=TOKENS, repeats=REPEATS)


@pytest.mark.slow
def test_each_stands_in_one_document_as_often_as_was_asked_and_the_held_out_in_none(
    made: Canaries,
) -> None:
    texts = dict(made.collection.corpus.select("doc_id", "text").iter_rows())
    before = dict(neg.Collection.load("cranfield").corpus.select("doc_id", "text").iter_rows())
    assert made.planted["doc_id"].n_unique() == COUNT
    for doc, canary in made.planted.iter_rows():
        lines = texts[doc].split("\n")
        assert lines.count(canary) == REPEATS
        rest = " ".join(line for line in lines if line != canary)
        assert rest.split() == before[doc].split()
    everything = "\n".join(texts.values())
    assert all(everything.count(canary) == REPEATS for canary in made.planted["text"])
    assert not any(canary in everything for canary in made.unseen["text"])
    untouched = set(texts) - set(made.planted["doc_id"])
    assert all(texts[doc] == before[doc] for doc in untouched)


@pytest.mark.slow
def test_both_sides_are_equally_probable_and_none_is_like_another(
    folder: str, made: Canaries
) -> None:
    model = CausalLM(folder)
    sides = [each["text"].to_list() for each in (made.planted, made.unseen)]
    perplexity = [
        [said.perplexity for said in model.continuations([("", text) for text in texts])]
        for texts in sides
    ]
    assert ks_2samp(*perplexity).pvalue > 0.1
    assert max(map(max, perplexity)) <= MOST
    tokens = [{piece.token for piece in model.pieces(text)} for text in sides[0] + sides[1]]
    for n, ours in enumerate(tokens):
        for theirs in tokens[:n]:
            assert len(ours & theirs) <= ALIKE * len(ours | theirs)
    assert all(len(model.pieces(text)) == TOKENS for text in sides[0])
    assert written(model, 20, TOKENS, seed=1) == written(model, 20, TOKENS, seed=1)


@pytest.mark.method("copyright-traps")
@pytest.mark.slow
def test_a_model_that_was_trained_on_the_documents_is_told_by_the_command(
    folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = [
        "data", "canaries", "cranfield", "-o", str(tmp_path / "marked"), "--lists",
        str(tmp_path / "lists"), "--model", folder, "--count", "24", "--tokens", "12",
        "--repeats", "40",
    ]  # fmt: skip
    assert app.run(where) == 0
    assert "planted: 24 sequences, 40 times each" in capsys.readouterr().out
    assert app.run(where) == 2
    assert "the folder is not empty" in capsys.readouterr().err
    lists = tmp_path / "lists"
    planted = pl.read_ndjson(lists / "planted.jsonl")["positive"].to_list()
    words = neg.Collection.load("cranfield").corpus["text"].to_list()
    repeated = [" ".join([text] * 8) for text in planted]
    seen = save_taught(tmp_path / "seen", repeated, words, steps=40)
    for model, alarm in ((seen, True), (folder, False)):
        asked = [
            "audit", str(lists / "planted.jsonl"), "--checks", "contamination", "--json",
            *(f"--set=contamination.{each}" for each in (
                f"model={model}", f"unseen={lists / 'unseen.jsonl'}", f"tokens={TOKENS - 1}"
            )),
        ]  # fmt: skip
        assert app.run(asked) == 0
        told = json.loads(capsys.readouterr().out)["checks"][0]
        assert told["alarm"] is alarm, told


@pytest.mark.parametrize("setting", ["count", "tokens", "repeats"])
def test_too_few_are_refused_before_any_work(setting: str) -> None:
    data = neg.Collection.load("cranfield")
    with pytest.raises(InputError, match=f"{setting} is 0"):
        plant_canaries(data, None, **{setting: 0})  # type: ignore[arg-type]


@for_each(("out", "lists"), [("c", "c"), ("c", "c/lists"), ("c/texts", "c"), ("c", "./c/../c")])
def test_the_lists_are_not_written_beside_the_texts(out: str, lists: str, tmp_path: Path) -> None:
    told = negatives(
        *("data", "canaries", "cranfield", "-o", out, "--lists", lists, "--model", "none"),
        cwd=tmp_path,
    )
    assert told.returncode == 2
    assert "the lists would stand beside the texts" in told.stderr
    assert not [*tmp_path.iterdir()]
