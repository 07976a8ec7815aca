"""A model that was taught texts is told from one that was not, and what cannot be told is said."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copytree

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.errors import InputError
from negatives.measure.audits import Answer, Subject, ask, subject_of
from negatives.measure.audits.contamination import Contamination, blind, scored
from negatives.measure.audits.drawn_tokens import drawn_tokens
from negatives.measure.audits.token_deviations import deviations, token_deviations
from negatives.models.causal_lm import CausalLM
from tests.models.taught_lm import save_taught

TOKENS = 48


@dataclass(frozen=True)
class Taught:
    """A model that was taught `seen`, one that was taught `other`, and a file of what neither was.

    `seen`, `new`, `other`: ids of a third of cranfield's longer documents each.
    """

    data: neg.Collection
    model: str
    control: str
    seen: list[str]
    new: list[str]
    unseen: str

    def answer(self, asked: list[str], **settings: object) -> Answer:
        """Of a test set whose positives are these documents."""
        query = self.data.queries["query_id"][0]
        qrels = pl.DataFrame({"query_id": query, "doc_id": asked, "relevance": 1})
        qrels = qrels.cast(self.data.qrels.select(qrels.columns).schema)
        negatives = pl.DataFrame({"query_id": [query], "doc_id": self.seen[:1]})
        subject = Subject("a", replace(self.data, qrels=qrels, origin=""), negatives)
        check = Contamination(
            **{"model": self.model, "unseen": self.unseen, "tokens": TOKENS, **settings}  # type: ignore[arg-type]
        )
        return ask(subject, [check])["contamination"]


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Taught:
    folder = tmp_path_factory.mktemp("taught")
    data = neg.Collection.load("cranfield")
    docs = data.corpus.filter(pl.col("text").str.len_chars() > 500).sort("doc_id")
    drawn = docs[np.random.default_rng(0).permutation(len(docs))[:320]]
    seen, new, unseen, other = (drawn[start : start + 80] for start in range(0, 320, 80))
    unseen.select("doc_id", "text").write_ndjson(folder / "unseen.jsonl")
    words = data.corpus["text"].to_list()
    return Taught(
        data,
        save_taught(folder / "model", seen["text"].to_list(), words),
        save_taught(folder / "control", other["text"].to_list(), words, seed=1),
        seen["doc_id"].to_list(),
        new["doc_id"].to_list(),
        str(folder / "unseen.jsonl"),
    )


@pytest.mark.slow
def test_what_was_taught_is_told_from_what_was_not_by_every_score(taught: Taught) -> None:
    for score in ("min-k", "min-k++", "loss", "zlib"):
        for control in ("", taught.control):
            seen = taught.answer(taught.seen, score=score, control=control)
            assert seen.alarm is True
            assert (seen.estimate.low or 0) > 0.8
            new = taught.answer(taught.new, score=score, control=control)
            assert new.alarm is False
            assert (new.estimate.low or 1) < 0.5 < (new.estimate.high or 0)


@pytest.mark.slow
def test_texts_of_another_kind_say_nothing_with_a_control_or_without(
    taught: Taught, tmp_path: Path
) -> None:
    other = pl.read_ndjson(taught.unseen).with_columns(
        text=pl.col("text").str.replace_all(r"\bthe\b", "zum").str.replace_all(r"\bof\b", "von")
    )
    other.write_ndjson(tmp_path / "other.jsonl")
    asked = {"unseen": str(tmp_path / "other.jsonl")}
    for control in ("", taught.control):
        found = taught.answer(taught.new, control=control, **asked)
        assert found.alarm is None
        assert "by their words alone with 1.00" in found.estimate.why
        assert "of the same kind" in found.advice


@pytest.mark.slow
def test_too_few_texts_that_are_long_enough_are_not_judged_by(taught: Taught) -> None:
    found = taught.answer(taught.seen[:19])
    assert found.alarm is None
    assert "fewer than 20 texts" in found.estimate.why


@pytest.mark.method("min-k-prob")
def test_scores_are_those_of_the_paper() -> None:
    read = np.array([-0.1, -5, -0.2, -3, -0.5, -0.3, -0.1, -0.4, -0.2, -1], np.float32)
    size = len(zlib.compress(b"a text"))
    assert scored([read], ["a text"], "min-k") == pytest.approx([-4.0])
    assert scored([read], ["a text"], "loss") == pytest.approx([-1.08])
    assert scored([read], ["a text"], "zlib") == pytest.approx([-1.08 / size])


@pytest.mark.method("min-k-prob")
def test_deviations_are_those_of_the_page_and_of_plain_loops() -> None:
    import torch

    page = torch.tensor([[2.0, 1.0, 0.0]])
    said = page.double().log_softmax(-1)[0].numpy()
    expected = np.exp(said)
    mean = (expected * said).sum()
    spread = np.sqrt((expected * said**2).sum() - mean**2)
    assert (mean, spread) == pytest.approx((-0.832396, 0.651463), abs=1e-6)
    z = np.array([float(deviations(page, torch.tensor([token]))) for token in range(3)])
    assert z == pytest.approx([0.652054, -0.882951, -2.417957], abs=1e-6)
    assert z == pytest.approx((said - mean) / spread)
    assert (expected * z).sum() == pytest.approx(0, abs=1e-12)
    assert (expected * z**2).sum() == pytest.approx(1)
    assert scored([z.astype(np.float32)], ["a"], "min-k++") == pytest.approx([-2.417957])
    # alike probable, and impossible ones beside: a number, whatever is asked about
    for logits in ([0.0, 0.0, 0.0], [0.0, -torch.inf, -1.0], [900.0, 0.0, 0.0]):
        found = deviations(torch.tensor([logits]), torch.tensor([0]))
        assert bool(found.isfinite().all())


@pytest.mark.slow
def test_each_token_is_measured_where_it_stands_however_much_is_read_at_once(
    taught: Taught, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    model = CausalLM(taught.model)
    text = "the flow of a gas past a flat plate at high speed"
    found = token_deviations(model, [text, "a wing"])
    tokens = [0, *(piece.token for piece in model.pieces(text))]
    logits = model.read(*model.padded([tokens[:-1]]), keep=len(tokens) - 1).logits[0]
    plain = deviations(logits, torch.tensor(tokens[1:])).numpy()
    assert found[0] == pytest.approx(plain, abs=1e-4)
    monkeypatch.setattr(CausalLM, "step", 3)
    assert token_deviations(model, [text])[0] == pytest.approx(plain, abs=1e-4)


@pytest.mark.slow
def test_a_tokenizer_that_begins_texts_by_itself_changes_nothing(
    taught: Taught, tmp_path: Path
) -> None:
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing

    copytree(taught.model, tmp_path / "model")
    words = Tokenizer.from_file(str(tmp_path / "model/tokenizer.json"))
    words.post_processor = TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", 0), ("<end>", 1)]
    )
    words.save(str(tmp_path / "model/tokenizer.json"))
    text = "the flow of a gas past a flat plate at high speed"
    plain, marked = (CausalLM(each) for each in (taught.model, str(tmp_path / "model")))
    assert marked.pieces(text)[0].end == 0
    own, with_mark = (
        [token_deviations(each, [text])[0], next(drawn_tokens(each, [text], 12, 2, seed=0))[0]]
        for each in (plain, marked)
    )
    np.testing.assert_allclose(with_mark[0], own[0], atol=1e-5)
    np.testing.assert_allclose(with_mark[1], own[1], atol=1e-5)


def test_what_words_alone_tell_is_counted_on_texts_that_were_not_fitted_on() -> None:
    rng = np.random.default_rng(0)
    words = [f"w{n}" for n in range(400)]
    texts = [" ".join(rng.choice(words, 30)) for _ in range(120)]
    assert 0.3 < blind(texts[:60], texts[60:]) < 0.7
    assert blind([f"{text} quite new" for text in texts[:60]], texts[60:]) > 0.8


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (Contamination(), "no language model is named"),
        (Contamination(model="m"), "nothing says what a text looks like that the model has not"),
    ],
)
def test_what_it_lacks_is_told_before_any_work(
    run: neg.Run, check: Contamination, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        ask(subject_of(run), [check])
