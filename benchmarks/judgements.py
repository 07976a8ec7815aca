"""What judgements are worth where queries have one known positive each.

All positives but one of every query are hidden, so that labels hardly tell how many of the relevant
pairs are labelled. Then somebody who knows the truth judges twenty pairs at a time (the last time
forty), as `negatives judge RUN --ask 20` names them, the run learns from the verdicts and picks
again. What is false among the five negatives a query is counted by the hidden positives. The
built-in encoder and the default recipe; hardness is less that of the rank window 31 to 35 of the
same run.

How much labels count for, how cautious the label rate is, and which pairs are asked about was
chosen on the first three hidings of cranfield, cisi and med: expect a little less elsewhere.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import negatives as neg
from benchmarks.data import CACHE, folder
from benchmarks.hiding import PAIR, all_but_one
from benchmarks.page import write_page
from benchmarks.processes import ask, told
from negatives.pick.trial import Trial, sampled
from negatives.read import splits
from negatives.run.asking import ask_about

COLLECTIONS = ("cranfield", "cisi", "med", "esco_skills", "medquad")
HIDINGS = 10
SHARES = (0.02, 0.05, 0.10)
JUDGED = (0, 20, 40, 60, 100)
ASKED = 5
OVER, EASIER = 0.015, 0.2
"""How much more may be false than was asked for, and how much easier than the rank window the
negatives may be, after sixty judgements, in nine hidings of ten."""
KEPT = CACHE / "judgements"


def one(name: str, seed: str) -> None:
    """Every asked share of one hiding of one collection."""
    data, hidden = all_but_one(whole(name), int(seed))
    truth = hidden.with_columns(relevant=pl.lit(True))
    found: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        mined = neg.mine(
            data, Path(scratch) / "mined", pick=neg.RiskLimited(per_query=ASKED), seed=int(seed)
        )
        window = Trial.of(sampled(mined.parts), ASKED, 1.0).window()
        for share in SHARES:
            place = Path(scratch) / f"{share}"
            shutil.copytree(mined.path, place)
            run = neg.Run(place, collection=data)
            run = run.repick(neg.RiskLimited(per_query=ASKED, max_false=share))
            rows: list[dict[str, Any]] = []
            for count in JUDGED:
                if count:
                    pairs = ask_about(run, count - rows[-1]["judged"])
                    verdicts = pairs.join(truth, on=PAIR, how="left")
                    run = run.review(verdicts.with_columns(pl.col("relevant").fill_null(False)))
                rows.append(_figures(run, hidden, window or 0.0, count))
            found[str(share)] = rows
    told(found)


def whole(name: str) -> neg.Collection:
    """All queries of all splits, which have the corpus in common."""
    place = folder(name)
    parts = [neg.Collection.load(f"{place}@{split}") for split in splits(place)]
    queries = pl.concat(part.queries.drop("row") for part in parts).unique("query_id")
    qrels = pl.concat(part.qrels for part in parts).unique(PAIR, keep="first")
    return neg.Collection(
        name=name,
        split="",
        corpus=parts[0].corpus,
        queries=queries.sort("query_id").with_row_index("row").select(parts[0].queries.columns),
        qrels=qrels.sort(PAIR),
    )


def _figures(run: neg.Run, hidden: pl.DataFrame, window: float, judged: int) -> dict[str, Any]:
    made = run.negatives
    tuning = run.manifest.facts.tuning
    return {
        "judged": judged,
        "real": len(made.join(hidden, on=PAIR, how="semi")) / max(len(made), 1),
        "hardness": made.select(pl.col("hardness").mean()).item() - window,
        "promised": bool(tuning.get("promised")),
        "within": tuning.get("low", 0.0) <= tuning.get("expected", 0.0) <= tuning.get("high", 1.0),
        "label rate": getattr(run.manifest.notes.p_relevant, "label_rate", None),
    }


def main() -> None:
    """Measure every hiding, keep what is measured, and write the page."""
    if sys.argv[1:2] == ["one"]:
        one(*sys.argv[2:4])
        return
    results = {name: [_asked(name, seed) for seed in range(HIDINGS)] for name in COLLECTIONS}
    write_page("judgements", "What judgements are worth", __doc__, _page(results))


def _asked(name: str, seed: int) -> dict[str, Any]:
    """The result of one hiding; measured once, so that a long benchmark can go on."""
    path = KEPT / f"{name}-{seed}.json"
    if not path.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(ask("benchmarks.judgements", name, seed)))
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _page(results: dict[str, list[dict[str, Any]]]) -> list[str]:
    lines = [
        f"{HIDINGS} random hidings of each. False share and hardness less the window's, mean and "
        "standard deviation over them; then in how many hidings a share was promised.",
    ]
    for share in SHARES:
        lines += ["", f"## Asked: at most {share:.0%} false", ""]
        head = " | ".join(f"{count} judged" for count in JUDGED)
        lines += [f"| collection | {head} |", "|---|" + "---|" * len(JUDGED)]
        for name, hidings in results.items():
            cells = [_cell([hiding[str(share)] for hiding in hidings], count) for count in JUDGED]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "",
        "## After sixty judgements",
        "",
        f"Hidings with at most {OVER:.1%} more false than asked, and with negatives at most "
        f"{EASIER} easier than the rank window (target: nine of ten, each).",
        "",
        "| collection | " + " | ".join(f"asked {share:.0%}" for share in SHARES) + " |",
        "|---|" + "---|" * len(SHARES),
    ]
    for name, hidings in results.items():
        cells = []
        for share in SHARES:
            rows = [_at(hiding[str(share)], 60) for hiding in hidings]
            kept = sum(row["real"] <= share + OVER for row in rows)
            hard = sum(row["hardness"] >= -EASIER for row in rows)
            cells.append(f"{kept} of {len(rows)} kept, {hard} hard enough")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _at(rows: Sequence[dict[str, Any]], count: int) -> dict[str, Any]:
    return next(row for row in rows if row["judged"] == count)


def _cell(hidings: Sequence[Sequence[dict[str, Any]]], count: int) -> str:
    rows = [_at(rows, count) for rows in hidings]
    real, hardness = (np.array([row[name] for row in rows]) for name in ("real", "hardness"))
    promised = sum(row["promised"] for row in rows)
    return (
        f"{real.mean():.3f} ± {real.std():.3f}; {hardness.mean():+.2f} ± {hardness.std():.2f}; "
        f"{promised}"
    )


if __name__ == "__main__":
    main()
