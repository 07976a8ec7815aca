"""Documents cut into passages, of which one is labelled: what the choice of negatives is worth.

Retrieval for generation searches passages. Of a document that answers a question one passage is
labelled, and its other passages answer the question too, or part of it; a model finds them first.
Here the answers of MedQuAD are cut between sentences into passages of up to 350 characters, at most
six of an answer. In training one passage of the right answer is labelled, drawn by chance; on the
dev questions, which are about other matters, every passage of the right answer counts. Twice: with
the title of the answer before each passage, as is usual, and without, so that many passages do not
say what they are about. And once with other data, on which nothing was chosen: a third of Debian's
packages, the line that names what a package is for its query, its description cut into passages of
up to 150 characters; a tenth of the packages, drawn by their ids, are judged on.

Every arm trains the built-in table for 250 steps of 64, with three negatives a query, mined once by
the same table. `naive top-3` are the most similar passages that are not labelled, `95% rule` the
recipe nv-retriever, `ranks 21-23` what comes after the first twenty, `top-3 of other documents` the
most similar passages of other answers, which needs to be told whose each passage is, and `random 3
of the top 50` three drawn by chance. `default` is the default recipe, and `passages` the recipe of
that name, the same with a rule about positives that the table does not find (judge `out-of-reach`);
both are told nothing of documents. What a labelled passage is worth is peculiar to this page: one
drawn by chance may not answer its question. Where every positive answers, the rule may take away
what is learned from (benchmark `faq`). How many candidates may reach the positive (40, not 10) was
chosen with one seed on the dev questions of this page with titles: other data will say less of it.

`of the right document` is the share of the negatives that are passages of an answer to their own
query, and so false or nearly so. Which passages of other answers are relevant too nobody has
judged. nDCG@10 is the mean over dev questions and seeds, with all passages searched. Differences
are tested by paired randomisation over questions, p corrected for the number of arms (Holm).
NEGATIVES_BENCH_SEEDS says how often each is trained; what is done is kept.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

import negatives as neg
from benchmarks.page import write_page
from benchmarks.passages_data import WORK, answer_of, data
from negatives.kinds import KINDS
from negatives.learn.compare import compare
from negatives.measure.significance import compare as paired
from negatives.measure.significance import holm
from negatives.opening import JudgeContext
from negatives.recipe import Recipe, load_recipe
from negatives.recipe_changes import override
from negatives.schema import REJECTED
from negatives.stage import Judge
from negatives.store.run import Run

EACH = 3
SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "5"))
METRIC = "nDCG@10"
OURS = "passages"
"""The recipe that is tested against all others."""
STUDIES = {
    "titled": "The title before each passage",
    "bare": "Passages without a title",
    "debian": "Descriptions of packages",
}
NAMES = {
    "none": "in-batch only",
    "naive top": "naive top-3",
    "of other answers": "top-3 of other documents",
    "random of the top 50": "random 3 of the top 50",
}
SETTINGS = ("train.steps=250", "train.batch_size=64", f"train.negatives={EACH}")


# ---- the arms ------------------------------------------------------------------------------------


class OtherAnswers(Judge, kind="other-answers"):
    """Rejects passages of an answer of which any passage is labelled: what chunkers could know."""

    def open(self, context: JudgeContext) -> OtherAnswersRuling:
        """Whose passage each is, by row."""
        corpus = context.collection.corpus
        return OtherAnswersRuling(corpus.select(answer_of(pl.col("doc_id"))).to_series())


@dataclass(frozen=True)
class OtherAnswersRuling:
    """The answer of every passage of the collection."""

    answers: pl.Series

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """A verdict for the passages of a labelled passage's answer."""
        found = rows.select("query", "relevance", answer=self.answers.gather(rows["doc"]))
        right = found.filter(pl.col("relevance") > 0).select("query", "answer").unique()
        same = found.join(
            right.with_columns(same=True),
            on=["query", "answer"],
            how="left",
            maintain_order="left",
        )
        of_it = pl.col("same").fill_null(False) & pl.col("relevance").is_null()
        return same.select(
            verdict=pl.when(of_it).then(pl.lit(REJECTED)),
            reason=pl.when(of_it).then(pl.lit("other-answers: a passage of the right answer")),
        )


def recipes() -> list[Recipe]:
    """The arms that are mined, the default first: the others are tested against it."""
    KINDS["judge"]["other-answers"] = f"{__name__}:OtherAnswers"
    plain = override(load_recipe("ance-static"), ["find.dense.top=100"])
    top = plain.with_pick(neg.Top())
    made = [
        load_recipe("default"),
        load_recipe("passages"),
        replace(top, name="naive top"),
        replace(load_recipe("nv-retriever"), name="95% rule"),
        replace(top, name="ranks 21-23", judge=(neg.SkipTop(ranks=20),)),
        replace(top, name="of other answers", judge=(OtherAnswers(),)),
        replace(plain.with_pick(neg.RandomPick(among=50)), name="random of the top 50"),
    ]
    return [override(each, [f"pick.per_query={EACH}"]) for each in made]


def carry_out(study: str) -> tuple[dict[str, Any], dict[str, list[pl.DataFrame]]]:
    """The comparison, kept: where it was stopped it goes on."""
    made = compare(
        neg.Collection.load(f"{data(study)}@train"),
        recipes(),
        WORK / study / "compared",
        on=neg.Collection.load(f"{data(study)}@dev"),
        model="static",
        changes=[*SETTINGS, "train.checkpoint=400"],
        seeds=SEEDS,
        metrics=(METRIC,),
        threads=2,
    )
    return made.figures, made.per_query


# ---- the page ------------------------------------------------------------------------------------


def negatives_of(study: str, arm: str) -> tuple[float, float] | None:
    """Coverage, and the share of the negatives that are of the right answer."""
    run = WORK / study / "compared" / "arms" / arm / "run"
    if not run.is_dir():
        return None
    chosen = Run(run).negatives.select("query_id", answer=answer_of(pl.col("doc_id")))
    qrels = pl.read_csv(data(study) / "qrels" / "train.tsv", separator="\t")
    right = qrels.select(query_id="query-id", answer=answer_of(pl.col("corpus-id"))).unique()
    asked = EACH * right["query_id"].n_unique()
    wrong = len(chosen.join(right, on=["query_id", "answer"], how="semi"))
    return len(chosen) / asked, wrong / len(chosen)


def against(
    frames: dict[str, list[pl.DataFrame]], other: str
) -> dict[str, tuple[dict[str, Any], float]]:
    """Of every other arm: its test against one, and p corrected for their number."""
    tests = {
        arm: paired(found, frames[other], METRIC).as_dict()
        for arm, found in frames.items()
        if arm != other
    }
    corrected = holm([test["p"] for test in tests.values()])
    return {arm: (test, p) for (arm, test), p in zip(tests.items(), corrected, strict=True)}


def section(
    study: str, figures: dict[str, Any], frames: dict[str, list[pl.DataFrame]]
) -> list[str]:
    """The table of a study, and what the default is beside each other arm."""
    beside_naive = against(frames, "naive top")
    rows = sorted(figures["metrics"][METRIC], key=lambda row: float(row["mean"]))
    lines = [
        f"## {STUDIES[study]}",
        "",
        f"{figures['queries']:,} questions judged, {figures['seeds']} seeds, "
        f"{_passages(study):,} passages.",
        "",
        "| negatives | of the right document | coverage | nDCG@10 | by seed | against naive top-3 "
        "| mining, s |",
        "|---|---:|---:|---:|---|---:|---:|",
    ]
    for row in rows:
        arm, about = row["arm"], negatives_of(study, row["arm"])
        share, coverage = (f"{about[1]:.2%}", f"{about[0]:.0%}") if about else ("", "")
        test = beside_naive.get(arm)
        gain = f"{test[0]['difference']:+.4f}" if test else ""
        seeds = " ".join(f"{value:.3f}" for value in row["by_seed"])
        lines.append(
            f"| {NAMES.get(arm, arm)} | {share} | {coverage} | **{row['mean']:.4f}** | {seeds} "
            f"| {gain} | {figures['costs'][arm]['mining_seconds'] or ''} |"
        )
    tests = against(frames, OURS)
    lines += [
        "",
        f"| {OURS} against | difference | 95% interval | p | questions better / worse |",
        "|---|---:|---|---:|---:|",
    ]
    for row in rows:
        if row["arm"] in tests:
            found, p = tests[row["arm"]]
            lines.append(
                f"| {NAMES.get(row['arm'], row['arm'])} | {-found['difference']:+.4f} | "
                f"{-found['high']:+.4f} to {-found['low']:+.4f} | {p:.4f} | "
                f"{found['worse']} / {found['better']} |"
            )
    closest = next(row["arm"] for row in reversed(rows) if row["arm"] in tests)
    return [*lines, "", _in_words(NAMES.get(closest, closest), *tests[closest]), ""]


def _in_words(closest: str, test: dict[str, Any], p: float) -> str:
    """What our recipe for passages is beside the best of the others."""
    lead = -test["difference"]
    which = "ahead of" if lead > 0 else "behind"
    sure = "." if p < 0.05 else ": no more than chance may make."
    return (
        f"Of the others {closest} comes closest: the recipe {OURS} is {abs(lead):.4f} {which} it, "
        f"p = {p:.4f}{sure}"
    )


def _passages(study: str) -> int:
    return sum(1 for _ in (data(study) / "corpus.jsonl").open("rb"))


def main() -> None:
    """Cut, compare, and write the page."""
    lines = [line for study in STUDIES for line in section(study, *carry_out(study))]
    write_page("passages", "Passages of which one is labelled", __doc__, lines)


if __name__ == "__main__":
    main()
