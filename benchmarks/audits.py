"""Checks of `negatives audit`: how often each sounds an alarm where something is planted, and where
nothing is. Every row is at least 20 cases; a clean one should alarm no more often than the check
states. Intervals of the rates are exact, with 95% confidence.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

import negatives as neg
from benchmarks.data import load
from benchmarks.page import write_page
from negatives.arrays import Doubles
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.measure.audits import Subject, ask, subject_of
from negatives.measure.audits.equity import Equity
from negatives.measure.audits.poisoning import suspects, without_suspects
from negatives.measure.audits.verifier_bound import Rates, limit, verifier_bound
from negatives.measure.hidden import half
from negatives.stats.bounds import upper_bound

COLLECTIONS = ("cranfield", "cisi", "med")
CASES = 24
Row = tuple[str, list[bool]]


def collection(name: str) -> neg.Collection:
    """A development collection: the bundled one, or one of $NEGATIVES_DATA."""
    return neg.Collection.load(name) if name == "cranfield" else load(name)


def drawn(ids: pl.Series, seed: int, stream: str) -> Doubles:
    """float64[n] in (0, 1), by the ids alone."""
    return uniforms(id_hashes(ids), stream_key(seed, stream))


# ---- verifier-bound ------------------------------------------------------------------------------


def tries(share: float, false_pass: float, seed: int) -> pl.DataFrame:
    """60 queries of 20 judged tries, of which a share that varies by query is wrong."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(1200) < np.repeat(rng.beta(2, 2 / share - 2, 60), 20)
    passed = rng.random(1200) < np.where(wrong, false_pass, 0.9)
    query = np.repeat([f"q{n:02d}" for n in range(60)], 20)
    p = np.where(passed, 0.1, 0.9)
    return pl.DataFrame({"query_id": query, "p": p, "relevant": wrong.astype(np.float64)})


def verifiers() -> Iterator[Row]:
    """Verifiers whose share of wrong ones in the end is below, at and above what is allowed."""
    every = np.random.default_rng(0).beta(2, 2 / 0.3 - 2, 400_000)
    for false_pass in (0.1, 0.18, 0.3, 0.4, 0.6, 0.9):
        truth = float((1 - limit(Rates.of(1 - every, false_pass, 0.1))).mean())
        found, inside = [], 0
        for seed in range(CASES):
            made = tries(0.3, false_pass, seed)
            bound = verifier_bound(made, made.filter(pl.col("relevant") > 0))
            low, high = bound.low or 0.0, bound.high or 1.0
            found.append(low > 0.1)
            inside += low <= truth <= high
        what = "clean" if truth <= 0.1 else "planted"
        yield (
            (
                f"{what}: {false_pass:.0%} of wrong ones pass, {truth:.1%} of what passes is wrong "
                f"(inside the interval: {inside} of {CASES})"
            ),
            found,
        )


def verifiers_on_collections(folder: Path) -> Iterator[str]:
    """By known positives, beside what hidden positives say, on real runs."""
    for name in COLLECTIONS:
        visible, hidden = half(collection(name), 0)
        run = neg.mine(visible, folder / f"half-{name}", per_query=7, max_false=0.05)
        truth = hidden.with_columns(relevance=pl.lit(1, pl.Int32))
        told = []
        for given in (None, truth):
            found = ask(subject_of(run, truth=given), ["verifier-bound"])["verifier-bound"]
            each = found.estimate
            if each.value is None or each.low is None or each.high is None:
                told.append("not known")
            else:
                told.append(f"{each.value:.1%} ({each.low:.1%} to {each.high:.1%})")
        yield f"| {name} | {told[0]} | {told[1]} |"


# ---- poisoning -----------------------------------------------------------------------------------


def mined(folder: Path) -> dict[str, neg.Run]:
    """Runs of clean collections, with all candidates that two sources propose."""
    return {
        name: neg.mine(
            collection(name), folder / name, sources=[neg.BM25(top=60), neg.Dense(top=60)]
        )
        for name in COLLECTIONS
    }


Case = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]
"""Negatives (query_id, doc_id, place), queries, corpus."""


def cases(runs: dict[str, neg.Run]) -> Iterator[Case]:
    """Of each collection eight: half of the queries or all, 3, 7, 10 or 20 negatives each."""
    for run in runs.values():
        data = run.collection
        ledger = run.candidates().filter(pl.col("verdict") == "eligible").collect()
        place = pl.col("hardness").rank("ordinal", descending=True).over("query_id")
        ledger = ledger.select("query_id", "doc_id", place=place).sort("query_id", "place")
        corpus = data.corpus.select("doc_id", "text")
        for seed, most in enumerate((3, 7, 10, 20)):
            kept = pl.Series(drawn(ledger["query_id"], seed, "audits/half") < 0.5)
            few = ledger.filter(pl.col("place") <= most)
            yield few, data.queries, corpus
            yield ledger.filter(kept & (pl.col("place") <= most)), data.queries, corpus


def injected(case: Case, seed: int, share: float, trigger: str) -> Case:
    """One real document in the place of the first negative of a share of the queries."""
    negatives, queries, corpus = case
    there = negatives["query_id"].unique().sort()
    hit = there.filter(pl.Series(drawn(there, seed, "audits/plant") < share)).implode()
    mine = pl.col("query_id").is_in(hit)
    doc = pl.when(mine & (pl.col("place") == 1)).then(pl.lit("planted")).otherwise("doc_id")
    text = pl.when(mine & (trigger != "")).then(pl.col("text") + f" {trigger}").otherwise("text")
    body = corpus["text"].filter(corpus["text"].str.len_bytes() > 200)[seed]
    new = pl.DataFrame({"doc_id": ["planted"], "text": [body]})
    negatives = negatives.with_columns(doc_id=doc)
    return negatives, queries.with_columns(text=text), pl.concat([corpus, new])


def listed(name: str, lists: int, folder: Path) -> Case:
    """A collection mined with lists of its queries' words in the corpus, one for a part of them."""
    data = collection(name)
    words = pl.col("text").str.extract_all(r"\p{L}{4,}").list.unique()
    number = pl.Series((drawn(data.queries["query_id"], lists, "audits/lists") * lists).astype(int))
    texts = [
        " ".join(
            data.queries.filter(number == n).select(words).explode("text")["text"]
            .value_counts(sort=True).sort("count", "text", descending=True)["text"].head(60)
        )
        for n in range(lists)
    ]  # fmt: skip
    row = pl.int_range(lists, dtype=pl.UInt32, eager=True) + len(data.corpus)
    ids = [f"planted-{n}" for n in range(lists)]
    new = pl.DataFrame({"doc_id": ids, "text": texts, "row": row.cast(pl.UInt32)})
    corpus = pl.concat([data.corpus.select("doc_id", "text", "row"), new]).sort("doc_id")
    run = neg.mine(
        replace(data, corpus=corpus, origin=""),
        folder / f"lists-{name}-{lists}",
        sources=[neg.BM25(top=20), neg.Dense(top=20)],
    )
    place = pl.col("position") + 1
    return run.negatives.select("query_id", "doc_id", place=place), data.queries, corpus


PLANTED = pl.col("doc_id").str.starts_with("planted")


def poisons(runs: dict[str, neg.Run], folder: Path) -> Iterator[tuple[Row, str]]:
    """Clean cases, three attacks at several strengths, and what filtering leaves of each."""
    every = list(cases(runs))
    yield ("clean", [bool(len(suspects(*case))) for case in every]), ""
    for attack, trigger in (("any queries", ""), ("a trigger", "zxqv")):
        for share in (0.05, 0.1, 0.2, 0.4):
            made = [injected(case, n, share, trigger) for n, case in enumerate(every)]
            name = f"planted: a document for {share:.0%} of the queries, by {attack}"
            yield filtered(name, made)
    made = [listed(name, lists, folder) for name in COLLECTIONS for lists in range(1, 9)]
    yield filtered("planted: 1 to 8 lists of words in the corpus", made)


def filtered(name: str, made: list[Case]) -> tuple[Row, str]:
    """Whether something planted is suspected, and shares of pairs that filtering takes out."""
    alarms, before, after = [], np.zeros(2), np.zeros(2)
    for negatives, queries, corpus in made:
        found = suspects(negatives, queries, corpus)
        alarms.append(bool(found["doc_id"].str.starts_with("planted").any()))
        for total, rows in ((before, negatives), (after, without_suspects(negatives, found))):
            total += (rows.filter(PLANTED).height, rows.filter(~PLANTED).height)
    gone = 1 - after / np.maximum(before, 1)
    return (name, alarms), f"{gone[0]:.0%} of planted pairs, {gone[1]:.2%} of others"


# ---- equity --------------------------------------------------------------------------------------


def groups(run: neg.Run) -> Iterator[Row]:
    """Two or three groups drawn at random; one of them worse off by several strengths."""
    plain = subject_of(run)

    def subjects() -> Iterator[tuple[int, Subject]]:
        for seed in range(CASES):
            queries = plain.collection.queries
            lot = (drawn(queries["query_id"], seed, "audits/lots") * (2 + seed % 2)).astype(int)
            column = pl.Series("lot", lot).cast(pl.String)
            data = replace(plain.collection, queries=queries.with_columns(column))
            yield seed, replace(plain, collection=data)

    def alarm(subject: Subject, negatives: pl.DataFrame) -> bool:
        return bool(ask(replace(subject, negatives=negatives), [Equity(by="lot")]).alarms)

    yield "clean", [alarm(subject, run.negatives) for _, subject in subjects()]
    for share in (0.05, 0.1, 0.2):
        found = []
        for seed, subject in subjects():
            mine = subject.collection.queries.filter(pl.col("lot") == "1")["query_id"]
            hit = mine.filter(pl.Series(drawn(mine, seed, "audits/fewer") < share)).implode()
            gone = pl.col("query_id").is_in(hit) & (pl.col("position") >= 4)
            found.append(alarm(subject, run.negatives.filter(~gone)))
        yield f"planted: {share:.0%} of a group's queries get 4 negatives of 7", found
    for times in (1.25, 1.5, 2.0):
        found = []
        for _, subject in subjects():
            mine = subject.collection.queries.filter(pl.col("lot") == "1")["query_id"].implode()
            more = pl.when(pl.col("query_id").is_in(mine)).then(times).otherwise(1.0)
            p = (pl.col("p_relevant") * more).clip(0, 1)
            found.append(alarm(subject, run.negatives.with_columns(p_relevant=p)))
        yield f"planted: a group's false share is {times:g} times as high", found


# ---- shortcuts -----------------------------------------------------------------------------------


def marked(run: neg.Run, seed: int, share: float, text: pl.Expr, prefix: str) -> Subject:
    """The run's subject, with documents of their own for a share of the negatives' documents."""
    subject = subject_of(run)
    corpus = subject.collection.corpus.select("doc_id", "text", "row")
    ids = subject.negatives["doc_id"].unique().sort()
    names = pl.DataFrame({"doc_id": ids.filter(pl.Series(drawn(ids, seed, "audits/mark") < share))})
    names = names.with_columns(new=pl.lit(prefix) + pl.col("doc_id"))
    renamed = pl.coalesce("new", "doc_id")
    new = corpus.join(names, on="doc_id").with_columns(text=text, doc_id="new").drop("new")
    negatives = subject.negatives.select("query_id", "doc_id").join(names, on="doc_id", how="left")
    negatives = negatives.select("query_id", doc_id=renamed)
    every = pl.concat([corpus, new.select(corpus.columns)]).sort("doc_id")
    data = replace(subject.collection, corpus=every, origin="")
    return replace(subject, collection=data, negatives=negatives)


def gives_away(runs: dict[str, neg.Run]) -> Iterator[Row]:
    """Clean runs, halved at random; and negatives that a word, a length or an id marks."""
    clean = []
    for run in runs.values():
        plain = subject_of(run)
        ids = plain.negatives["query_id"].unique().sort()
        for seed in range(CASES // len(runs)):
            part = ids.filter(pl.Series(drawn(ids, seed, "audits/part") < 0.5)).implode()
            some = plain.negatives.filter(pl.col("query_id").is_in(part))
            clean.append(bool(ask(replace(plain, negatives=some), ["shortcuts"]).alarms))
    yield "clean: half of the queries of three collections, by the default recipe", clean
    word, cut = pl.lit("indeed ") + pl.col("text"), pl.col("text").str.slice(0, 300)
    for share in (0.1, 0.25, 0.5, 1.0):
        for what, text, prefix in (
            ("begin with one word more", word, "9"),
            ("are cut to 300 letters", cut, "9"),
            ("have ids of another sort", pl.col("text"), "gen:"),
        ):
            found = [
                bool(ask(marked(run, seed, share, text, prefix), ["shortcuts"]).alarms)
                for run in runs.values()
                for seed in range(CASES // len(runs))
            ]
            yield f"planted: {share:.0%} of the negatives {what}", found


# ---- the page ------------------------------------------------------------------------------------


def line(row: Row, more: str = "") -> str:
    """A row of a table: how many cases sounded an alarm, and where the rate may be."""
    name, alarms = row
    hits, count = sum(alarms), len(alarms)
    low = 1 - upper_bound(count - hits, count, 0.975)
    high = upper_bound(hits, count, 0.975)
    told = f"| {name} | {hits} of {count} | {hits / count:.0%} ({low:.0%} to {high:.0%}) |"
    return told + (f" {more} |" if more else "")


def main() -> None:
    """Measure, and write the page."""
    head = ["| cases | alarms | rate |", "|---|---|---|"]
    lines = ["## verifier-bound", "", _VERIFIER, "", *head]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines += [line(row) for row in verifiers()]
        lines += ["", _ON_RUNS, "", "| collection | by known positives | by hidden ones |"]
        lines += ["|---|---|---|", *verifiers_on_collections(folder)]
        runs = mined(folder)
        lines += ["", "## poisoning", "", _POISON, ""]
        lines += ["| cases | alarms | rate | filtering takes out |", "|---|---|---|---|"]
        start, count = time.process_time(), 0
        for row, more in poisons(runs, folder):
            lines.append(line(row, more or "–"))
            count += len(row[1])
        spent = time.process_time() - start
        lines += ["", f"{count} cases in {spent:.0f} CPU-seconds, mining of the lists included."]
        lines += ["", "## equity", "", _EQUITY, "", *head]
        run = neg.mine(collection("cranfield"), folder / "estimated")
        lines += [line(row) for row in groups(run)]
        lines += ["", "## shortcuts", "", _SHORTCUTS, "", *head]
        chosen = {
            name: neg.mine(collection(name), folder / f"default-{name}") for name in COLLECTIONS
        }
        lines += [line(row) for row in gives_away(chosen)]
    write_page("audits", "Audits", __doc__, lines)


_VERIFIER = (
    "Simulated: 60 queries of 20 judged tries, 30% wrong on average, more of some queries than of "
    "others; 90% of right ones pass. An alarm is promised in at most 2.5% of cases where no more "
    "than 10% of what passes in the end is wrong."
)
_ON_RUNS = (
    "On runs of real collections with half of the positives hidden: the share of false negatives "
    "among candidates whose p_relevant is below a half, however often one tries."
)
_POISON = (
    "Three collections of abstracts, mined by BM25 and the static encoder: eight clean cases each "
    "(3 to 20 negatives, all queries or half of them). A document of a clean case should be "
    "suspected in 1% of cases. Planted are a document that takes the first place for some queries, "
    "or for all that have a trigger; and, in the corpus before mining, lists of the 60 commonest "
    "words of the queries. An alarm counts only where what is planted is among the suspects."
)
_EQUITY = (
    "Cranfield; queries in two or three groups drawn at random. An alarm is promised in at most 1% "
    "of cases where groups are alike."
)
_SHORTCUTS = (
    "Cranfield, cisi and med by the default recipe, eight cases each. An alarm is an AUROC whose "
    "interval lies above 0.75, so that a mark of few negatives is none: it gives away little."
)


if __name__ == "__main__":
    main()
