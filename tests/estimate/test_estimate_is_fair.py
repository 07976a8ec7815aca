"""What p_relevant must not depend on: copies, row numbers, the order of files; and what it needs.

A label rate is read from pairs with and without a label. Whatever is left out of one side and not
of the other moves it, and with it every promise.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.schema import Collection
from tests.contracts.kinds import stages
from tests.measure.halved import hidden_half

PAIR = ["query_id", "doc_id"]


def edited(text: str, number: int) -> str:
    """A near-copy: one word in fifty is another one."""
    words = text.split() or ["nothing"]
    draw = np.random.default_rng(number)
    for place in draw.integers(0, len(words), max(1, len(words) // 50)):
        words[place] = "indeed"
    return " ".join(words)


def with_copies(data: Collection, share: float, *, judged: bool) -> tuple[Collection, pl.DataFrame]:
    """Near-copies of some positives, their judgements copied or not; and the copies' positives."""
    docs = data.qrels.filter(pl.col("relevance") > 0)["doc_id"].unique().sort()
    chosen = docs.filter(pl.Series(uniforms(id_hashes(docs), stream_key(0, "copies")) < share))
    texts = data.corpus.filter(pl.col("doc_id").is_in(chosen.implode())).select("doc_id", "text")
    copies = pl.DataFrame(
        {
            "doc_id": "copy-of-" + texts["doc_id"],
            "text": [edited(text, number) for number, text in enumerate(texts["text"])],
        }
    )
    corpus = pl.concat([data.corpus.select("doc_id", "text"), copies]).sort("doc_id")
    positives = (
        data.qrels.filter(pl.col("relevance") > 0)
        .filter(pl.col("doc_id").is_in(chosen.implode()))
        .with_columns(doc_id="copy-of-" + pl.col("doc_id"))
    )
    qrels = pl.concat([data.qrels, positives]).sort(PAIR) if judged else data.qrels
    rows = pl.int_range(pl.len(), dtype=pl.UInt32)
    made = replace(data, corpus=corpus.with_columns(row=rows), qrels=qrels, origin="")
    return made, positives.select(PAIR)


def mined(data: Collection, out: Path) -> neg.Run:
    return neg.mine(data, out, pick=neg.RiskLimited(per_query=5))


def calibration_error(run: neg.Run, hidden: pl.DataFrame) -> float:
    pool = run.candidates().filter(pl.col("verdict") == "eligible").collect()
    pool = pool.join(
        hidden.select(*PAIR, hidden=pl.lit(True)), on=PAIR, how="left", maintain_order="left"
    )
    p = pool["p_relevant"].to_numpy().astype(np.float64)
    relevant = pool["hidden"].fill_null(False).to_numpy()
    bins = np.minimum((p * 15).astype(int), 14)
    return float(
        sum(
            abs(p[bins == each].mean() - relevant[bins == each].mean()) * (bins == each).mean()
            for each in np.unique(bins)
        )
    )


def false_share(run: neg.Run, hidden: pl.DataFrame) -> float:
    return len(run.negatives.join(hidden, on=PAIR, how="semi")) / len(run.negatives)


@pytest.mark.slow
def test_near_copies_of_positives_move_no_label_rate_and_break_no_promise(tmp_path: Path) -> None:
    plain, hidden = hidden_half()
    before = mined(plain, tmp_path / "plain")
    noted = before.manifest.notes.p_relevant
    assert noted is not None
    rate = noted.label_rate
    # Judged copies are hidden by the same chance as what they are copies of; unjudged ones never
    # had a label.
    for judged in (True, False):
        whole, copied = with_copies(neg.Collection.load("cranfield"), 0.2, judged=judged)
        data, others = hidden_half(of=whole)
        gone = others.select(PAIR) if judged else pl.concat([others.select(PAIR), copied])
        run = mined(data, tmp_path / f"judged-{judged}")
        note = run.manifest.notes.p_relevant
        assert note is not None
        assert note.label_rate == pytest.approx(rate, abs=0.08), judged
        assert calibration_error(run, gone) < calibration_error(before, hidden) + 0.01, judged
        assert false_share(run, gone) <= 0.06, judged
        assert run.manifest.facts.tuning["promised"]


def ledger(run: neg.Run) -> pl.DataFrame:
    return run.candidates().select(*PAIR, "p_relevant").collect().sort(PAIR)


@pytest.mark.slow
def test_p_relevant_depends_on_no_row_number(tmp_path: Path) -> None:
    """An unrelated document, whatever its name, moves nothing but the sources' own statistics.

    Renamed documents get other draws, so that single probabilities move a little, and no figure of
    the run does.
    """
    data, _ = hidden_half(queries=100)
    base = ledger(mined(data, tmp_path / "base"))
    rows = pl.int_range(pl.len(), dtype=pl.UInt32)
    for name in ("!first", "~last"):
        other = pl.DataFrame({"doc_id": [name], "text": ["zymurgy quokka"]})
        corpus = pl.concat([data.corpus.select("doc_id", "text"), other]).sort("doc_id")
        added = replace(data, corpus=corpus.with_columns(row=rows), origin="")
        run = mined(added, tmp_path / name.strip("!~"))
        both = base.join(ledger(run), on=PAIR, suffix="_new")
        moved = (both["p_relevant"] - both["p_relevant_new"]).abs()
        assert len(both) > 0.999 * len(base)
        assert moved.mean() < 0.001, name  # type: ignore[operator]
    again = mined(
        replace(data, corpus=data.corpus.with_columns(row=pl.col("row").reverse()), origin=""),
        tmp_path / "shuffled",
    )
    assert ledger(again).equals(base)
    ids = pl.col("doc_id")
    renamings = {  # there, back: the order of the ids is kept, or is another one
        "kept": ("x" + ids, ids.str.slice(1)),
        "turned": (ids.str.reverse(), ids.str.reverse()),
    }
    for order, (there, back) in renamings.items():
        corpus = data.corpus.with_columns(there.alias("doc_id")).sort("doc_id")
        qrels = data.qrels.with_columns(there.alias("doc_id")).sort(PAIR)
        run = mined(replace(data, corpus=corpus, qrels=qrels, origin=""), tmp_path / order)
        renamed = ledger(run).with_columns(back.alias("doc_id"))
        both = base.join(renamed, on=PAIR, suffix="_new")
        moved = (both["p_relevant"] - both["p_relevant_new"]).abs()
        assert moved.mean() < 0.01, order  # type: ignore[operator]


def test_what_reads_the_judgements_proposes_nothing_to_learn_from() -> None:
    reading = {source.kind: not source.blind for source in stages("find")}
    assert {kind for kind, reads in reading.items() if reads} == {
        "alike-names", "bernoulli", "dynamic", "given", "judged", "near-positive", "one-word-apart",
        "popularity", "random", "same-cluster", "same-parent", "typed",
    }  # fmt: skip


def test_evidence_that_tells_nothing_gives_no_estimate(tmp_path: Path) -> None:
    """Any document is the positive of any query, whatever its words."""
    count, draw = 60, np.random.default_rng(0)
    ids = [f"{n:02d}" for n in range(count)]
    words = [f"word{n}" for n in range(40)]
    rows = pl.int_range(pl.len(), dtype=pl.UInt32)

    def texts(length: int) -> list[str]:
        return [" ".join(draw.choice(words, length)) for _ in range(count)]

    data = Collection(
        name="random",
        split="train",
        corpus=pl.DataFrame({"doc_id": ids, "text": texts(30)}).with_columns(row=rows),
        queries=pl.DataFrame({"query_id": ids, "text": texts(6)}).with_columns(row=rows),
        qrels=pl.DataFrame(
            {"query_id": ids, "doc_id": draw.permutation(ids), "relevance": [1] * count},
            schema={"query_id": pl.String, "doc_id": pl.String, "relevance": pl.Int32},
        ),
    )
    run = neg.mine(
        data,
        tmp_path / "run",
        sources=[neg.BM25(top=60)],
        judges=[],
        estimate=neg.Evidence(words=False),
        pick=neg.RiskLimited(per_query=3),
    )
    assert run.candidates().select(pl.col("p_relevant").is_null().all()).collect().item()
    warnings = " ".join(run.manifest.warnings)
    assert "the evidence does not tell labelled pairs from others" in warnings
    assert "no share of false negatives is promised" in warnings
