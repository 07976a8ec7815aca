"""Lastde is the paper's, and what a model wrote is told from what people wrote."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr

import negatives as neg
from negatives.errors import InputError, NegativesError
from negatives.measure.audits import Subject, ask, subject_of
from negatives.measure.audits.drawn_tokens import drawn_tokens
from negatives.measure.audits.first_tokens import first_tokens
from negatives.measure.audits.machine_text import (
    PLUS,
    MachineText,
    diversity,
    excess,
    in_deviations,
    lastde,
    lastde_plus,
)
from negatives.models.causal_lm import CausalLM
from tests.cli.commands import negatives
from tests.models.taught_lm import save_taught

SEQUENCE = np.array([[1, 2, 13, 7, 9, 5, 4]], np.float64)


@pytest.mark.method("lastde")
def test_entropies_and_their_deviation_are_those_of_the_paper() -> None:
    found = [float(diversity(SEQUENCE, scale, bins=10)[0]) for scale in (1, 2, 3)]
    assert found == pytest.approx([0.301030, 0, 0], abs=1e-6)
    assert np.std(found, ddof=1) == pytest.approx(0.173800, abs=1e-6)


def test_a_sequence_that_does_not_change_has_no_diversity_and_a_scale_changes_none() -> None:
    rng = np.random.default_rng(0)
    read = -rng.gamma(2, 1, (5, 60)).astype(np.float32)
    assert diversity(np.full((1, 50), -2.0), 1, 500).tolist() == [0.0]
    for scale in (1, 3):
        np.testing.assert_allclose(diversity(read * 4, scale, 600), diversity(read, scale, 600))
    np.testing.assert_allclose(lastde(read * 4), lastde(read) * 4, rtol=1e-5)


def test_the_excess_is_what_negatives_have_more_than_people_and_its_interval_holds() -> None:
    rng, inside, positive = np.random.default_rng(1), 0, 0
    for _ in range(100):
        people, machine = rng.normal(0, 1, 200), rng.random(150) < 0.3
        found = excess(people, rng.normal(0, 1, 150) + 9 * machine)
        usual = ndtr(np.quantile(people[::2], 0.95))  # of people who are not in the sample, too
        inside += (found.low or 0) <= 0.3 * usual <= (found.high or 0)
        positive += (found.low or 0) > 0
    assert inside >= 95
    assert positive >= 95
    clean = [excess(rng.normal(0, 1, 200), rng.normal(0, 1, 150)) for _ in range(100)]
    assert sum((each.low or 0) > 0 for each in clean) <= 2


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One that was taught half of cranfield, so that it can write like it."""
    texts = neg.Collection.load("cranfield").corpus["text"].to_list()
    return save_taught(tmp_path_factory.mktemp("writer") / "m", texts[::2], texts, steps=80)


def written(model: str, count: int, tokens: int = 60) -> list[str]:
    """Texts that it wrote, of its own probabilities."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    net, words = (each.from_pretrained(model) for each in (AutoModelForCausalLM, AutoTokenizer))
    start = torch.zeros((count, 1), dtype=torch.int64)
    made = net.generate(
        start, do_sample=True, temperature=0.5, min_new_tokens=tokens, max_new_tokens=tokens,
        bad_words_ids=[[0], [1], [2]],
    )  # fmt: skip
    return [words.decode(row[1:]) for row in made]


@pytest.mark.slow
def test_negatives_that_the_model_wrote_are_an_alarm_and_mined_ones_are_not(
    run: neg.Run, model: str
) -> None:
    subject = subject_of(run)
    check = MachineText(model=model, tokens=50)
    assert ask(subject, [check])["machine-text"].alarm is False
    texts = written(model, 120)
    ids = [f"w{n}" for n in range(len(texts))]
    row = pl.int_range(len(ids), dtype=pl.UInt32, eager=True) + len(subject.collection.corpus)
    docs = pl.DataFrame({"doc_id": ids, "text": texts, "row": row.cast(pl.UInt32)})
    columns = ["doc_id", "text", "row"]
    corpus = pl.concat([subject.collection.corpus.select(columns), docs]).sort("doc_id")
    negatives = subject.negatives.head(len(ids)).with_columns(doc_id=pl.Series(ids))
    data = replace(subject.collection, corpus=corpus, origin="")
    found = ask(replace(subject, collection=data, negatives=negatives), [check])["machine-text"]
    assert found.alarm is True
    assert (found.estimate.details["AUROC"] or 0) > 0.9


@pytest.mark.slow
def test_lint_tells_of_a_file_when_it_is_asked(run: neg.Run, model: str, tmp_path: Path) -> None:
    data = neg.Collection.load("cranfield")
    judged = data.positives.head(120)
    columns = {
        "query": data.query_texts(judged["query"].to_numpy()),
        "positive": data.doc_texts(judged["doc"].to_numpy()),
    }
    frame = pl.DataFrame(columns).with_columns(negative=pl.Series(written(model, 120, 110)))
    frame.write_csv(tmp_path / "made.csv")
    assert neg.lint(frame).asked is None
    told = negatives("lint", tmp_path / "made.csv", "--machine-text", model, "--quiet").stdout
    assert "machine-text: ALARM; share of the negatives, beyond that of people's texts" in told
    found = neg.lint(frame, machine_text=model)
    assert found.as_dict()["asked"][0]["alarm"] is True
    assert "write positives by the same machine" in str(found.card())
    mined = neg.lint(run, machine_text=model).asked
    assert mined is not None
    assert not mined.alarms
    with pytest.raises(NegativesError, match="there is no language model at"):
        neg.lint(frame, machine_text=str(tmp_path / "none"))


@pytest.mark.slow
def test_what_is_drawn_is_as_the_model_says_and_measures_itself(model: str) -> None:
    texts = neg.Collection.load("cranfield").corpus["text"].to_list()[:200:2]
    causal = CausalLM(model)
    read = first_tokens(causal, texts, 40)
    found = list(drawn_tokens(causal, read.texts, 40, 60, seed=0))
    own, drawn = (np.stack(each) for each in zip(*found, strict=True))
    np.testing.assert_allclose(own, read.log_probs, atol=1e-4)
    # The mean log-probability of what is drawn is minus the entropy, computed of all tokens.
    tokens = [causal.start or 0, *(piece.token for piece in causal.pieces(read.texts[0]))]
    logits = causal.read(*causal.padded([tokens[:-1]]), keep=40).logits[0, -40:].double()
    said = logits.log_softmax(-1).numpy()
    entropy = -(np.exp(said) * said).sum(1)
    spread = drawn[0].std(0) / np.sqrt(60)
    assert (np.abs(-drawn[0].mean(0) - entropy) < 5 * spread + 1e-3).all()
    # A draw measured by the others is no machine's text and no person's: 0 on average, 1 apart.
    scores = [in_deviations(lastde(d[:1], PLUS)[0], lastde(d[1:], PLUS)) for d in drawn]
    assert abs(np.mean(scores)) < 4 / np.sqrt(len(scores))
    assert 0.7 < np.std(scores) < 1.5
    again = lastde_plus(causal, read.texts[:3], 40, 60, seed=0)
    np.testing.assert_array_equal(again, lastde_plus(causal, read.texts[:3], 40, 60, seed=0))


def test_what_it_lacks_is_told_before_any_work(run: neg.Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no language model is named"):
        ask(subject_of(run), [MachineText()])
    data = neg.Collection.load("cranfield")
    nobody = replace(data, qrels=data.qrels.head(0), origin="")
    bare = Subject("a", nobody, subject_of(run).negatives)
    with pytest.raises(InputError, match=r"name texts of people: --set machine-text\.human=FILE"):
        ask(bare, [MachineText(model="m")])
