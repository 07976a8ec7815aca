"""What a cascade keeps of a costly judge's benefit, by how many pairs it may look at.

There is no pretrained reranker to be had here that says more than the first stage knows (see
reranker.md), so the judge is SIMULATED: its score of a pair is noise, plus a constant where the
pair is relevant in truth, as large as makes its AUC the one stated. What is measured is real:
which pairs `negatives judge --budget` asks about (at most so many, fewer where no more can change a
pick soon), what it learns from the labels alone of what the scores are worth, and which negatives
it picks then. Half of each query's positives are hidden, as in truth.md; the evidence, p_relevant
and the promise are the run's own. `kept`: of the hardness that judging every pair of the ledger
wins at the same asked false share, the part that the budget wins.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import polars as pl
from msgspec import Meta

import negatives as neg
from benchmarks.coverage import Case, hide
from benchmarks.data import load, minilm_vectors
from benchmarks.page import write_page
from benchmarks.processes import ask, told
from negatives.chance import pair_uniforms
from negatives.opening import Context
from negatives.schema import Collection, Floats, Rows
from negatives.stage import Judge

COLLECTIONS = ("cranfield", "cisi", "med")
HIDINGS = 5
PER_QUERY = 5
ASKED = (0.02, 0.05)
QUALITIES = (0.8, 0.9, 0.95)
BUDGETS = (0.05, 0.1, 0.2, 1.0)
PAIR = ["query_id", "doc_id"]


class Simulated(Judge, kind="simulated"):
    """A judge that knows the truth in `truth`, a parquet of query_id and doc_id, through noise."""

    truth: Annotated[str, Meta(description="the relevant pairs")]
    auc: Annotated[float, Meta(description="how well its scores tell them from the others")]

    def open(self, context: Context) -> SimulatedRuling:
        """Read the truth."""
        return SimulatedRuling(self, context.collection, pl.read_parquet(self.truth), context.seed)


@dataclass
class SimulatedRuling:
    """Its scores of one collection."""

    stage: Simulated
    collection: Collection
    relevant: pl.DataFrame
    seed: int
    calls: int = 0
    column: str = "simulated_score"

    @property
    def fingerprint(self) -> str:
        """Of what the scores depend on."""
        return f"simulated-{self.stage.auc}-{self.seed}"

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """No opinion while mining."""
        return rows.select(verdict=pl.lit(None, pl.String), reason=pl.lit(None, pl.String))

    def score(self, query: Rows, doc: Rows) -> Floats:
        """float32[n]: unit normal noise of each pair, moved where it is relevant."""
        from scipy.stats import norm

        self.calls += len(query)
        pairs = self.collection.ids_of(pl.DataFrame({"query": query, "doc": doc}))
        known = pairs.join(
            self.relevant.with_columns(relevant=pl.lit(True)),
            on=PAIR, how="left", maintain_order="left",
        )["relevant"].fill_null(False)  # fmt: skip
        noise = norm.ppf(pair_uniforms(pairs, self.seed, "benchmark/judge"))
        moved: Floats = noise + np.sqrt(2) * norm.ppf(self.stage.auc) * known.to_numpy()
        return moved.astype(np.float32)

    def rule(self) -> tuple[pl.Expr, pl.Expr]:
        """It rejects nothing by itself."""
        return pl.lit(None, pl.String).alias("verdict"), pl.lit(None, pl.String).alias("reason")


def one(name: str, seed: int) -> None:
    """Every quality and budget on one hiding of one collection."""
    data = load(name)
    case = hide(data, minilm_vectors(name, data), seed)
    with tempfile.TemporaryDirectory() as folder:
        told(_measured(case, seed, Path(folder)))


def _measured(case: Case, seed: int, folder: Path) -> dict[str, Any]:
    truth = folder / "truth.parquet"
    pl.concat([case.hidden, case.data.qrels.select(PAIR)]).write_parquet(truth)
    run = neg.mine(
        case.data,
        folder / "run",
        sources=[neg.BM25(), case.dense],
        judges=[neg.NearDuplicate(), neg.SelfAware(), neg.ScoreAgreement()],
        estimate=neg.Evidence(),
        pick=neg.RiskLimited(per_query=PER_QUERY, max_false=ASKED[-1]),
        seed=seed,
    )
    pairs = run.candidates().filter(pl.col("verdict").is_in(["positive", "eligible"]))
    count = int(pairs.select(pl.len()).collect().item())
    found: dict[str, Any] = {"pairs": count, "none": _picked(run, case)}
    for auc in QUALITIES:
        judge = Simulated(truth=str(truth), auc=auc)
        for share in BUDGETS:
            run = run.judge(judge, None if share == 1 else int(share * count))
            made = getattr(run.manifest.notes.cascade, "pairs", 0)
            found[f"{auc} {share}"] = {"asked": made / count} | _picked(run, case)
    return found


def _picked(run: neg.Run, case: Case) -> dict[str, Any]:
    """By asked share: mean hardness, and the share that is false in truth."""
    made = {}
    for asked in ASKED:
        run = run.repick(neg.RiskLimited(per_query=PER_QUERY, max_false=asked))
        hardness = float(run.negatives["hardness"].cast(pl.Float64).mean() or 0.0)  # type: ignore[arg-type]
        wrong = len(run.negatives.join(case.hidden, on=PAIR, how="semi"))
        made[str(asked)] = (hardness, wrong / max(1, len(run.negatives)))
    return made


def main() -> None:
    """Measure every hiding, and write the page."""
    if sys.argv[1:2] == ["one"]:
        one(sys.argv[2], int(sys.argv[3]))
        return
    found = {
        name: [ask("benchmarks.cascade", name, seed) for seed in range(HIDINGS)]
        for name in COLLECTIONS
    }
    write_page("cascade", "A costly judge on a budget", __doc__, _page(found))


def _page(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    lines = [
        f"{HIDINGS} hidings, means; {PER_QUERY} negatives a query. Cells: hardness, real false "
        "share; with a budget also the part kept and, in brackets, the share of the pairs that "
        "was asked about.",
        "",
        "| collection (pairs) | asked | AUC of the judge | not asked | "
        + " | ".join(f"{share:.0%} of the pairs" for share in BUDGETS[:-1])
        + " | every pair |",
        "|---|---|---|---|" + "---|" * len(BUDGETS),
    ]
    for name, results in found.items():
        pairs = np.mean([result["pairs"] for result in results])
        for asked in ASKED:
            for auc in QUALITIES:
                lines.append(
                    f"| {name} ({pairs:,.0f}) | {asked:.0%} | {auc:g} | "
                    + " | ".join(_cells(results, str(asked), auc))
                    + " |"
                )
    return lines


def _cells(results: list[dict[str, Any]], asked: str, auc: float) -> list[str]:
    ways = ["none", *(f"{auc} {share}" for share in BUDGETS)]
    means = {way: np.mean([result[way][asked] for result in results], axis=0) for way in ways}
    none, whole = means["none"][0], means[ways[-1]][0]
    cells = []
    for way in ways:
        hardness, false = means[way]
        cells.append(f"{hardness:.2f}, {false:.3f}")
        if way in ways[1:-1]:
            share = np.mean([result[way]["asked"] for result in results])
            cells[-1] += f", {(hardness - none) / (whole - none):.0%} ({share:.0%})"
    return cells


if __name__ == "__main__":
    main()
