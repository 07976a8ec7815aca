"""Checks of `negatives audit` about bias: of a judge that is a language model, of an encoder to
what a machine wrote, and of a reader to hard passages. How often each sounds an alarm where
something is planted, and where nothing is; intervals of the rates are exact, with 95% confidence.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
from tests.models.biased_judge import LEANINGS, BiasedJudge, judging, known
from tests.models.small_model import serving_model

import negatives as neg
from benchmarks.audits import COLLECTIONS, Row, collection, line
from benchmarks.data import CACHE
from benchmarks.page import write_page
from negatives.measure.audits import Answer, Subject, ask, subject_of
from negatives.measure.audits.judge_bias import JudgeBias
from negatives.measure.audits.rag_harm import harm
from negatives.measure.audits.source_bias import SourceBias
from negatives.measure.distraction import HARD, REORDERED, WAYS, Distraction
from negatives.measure.hidden import half
from negatives.schema import PAIR, Collection

CASES = 20
QUERIES, DOCUMENTS, APPEALS = 25, 2, 1
LEANS = ("first word", "early", "yes", "unsure")
KNOWING, KNOWING_CASES = 120, 20
"""Queries with an answer, a third each of what a judge knows, knows wrongly and does not know."""
STRENGTH = 0.5
_BY_WORDS = JudgeBias(queries=QUERIES, documents=DOCUMENTS, appeals=APPEALS, characters=0)
QUALITIES = ((0.9, 0.9), (0.8, 0.7), (0.6, 0.8))
ASKED = 300
PORT = 44468
"""Where the real model is served, so that its replies are found again."""
REAL, CHARACTERS = 20, 300
KEPT = CACHE / "audits-bias"
SEEDS = 8
LEFT_OUT = 0.125
QUESTIONS = 200
SHARES = (0.0, 0.25, 0.5, 1.0)


@contextmanager
def replies_in(folder: Path) -> Iterator[None]:
    """Keep replies of language models there: one on a port that another had is not taken for it."""
    before = os.environ.get("NEGATIVES_CACHE")
    os.environ["NEGATIVES_CACHE"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("NEGATIVES_CACHE")
        if before is not None:
            os.environ["NEGATIVES_CACHE"] = before


@contextmanager
def own_replies() -> Iterator[None]:
    """Keep them in a folder that goes again."""
    with tempfile.TemporaryDirectory() as folder, replies_in(Path(folder)):
        yield


def once(name: str, make: Callable[[], Iterable[str]]) -> list[str]:
    """The lines of a table; measured once, so that a long benchmark can go on."""
    path = KEPT / f"{name}.json"
    if not path.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(list(make())))
    found: list[str] = json.loads(path.read_text())
    return found


# ---- judge-bias ----------------------------------------------------------------------------------


def judges(subject: Subject) -> Iterator[str]:
    """Simulated judges over HTTP: some err only, each time anew, and some lean besides."""
    relevant = known(subject.collection)
    made = {"clean": BiasedJudge(relevant, noise=True)} | {
        name: BiasedJudge(relevant, leaning=name, strength=STRENGTH) for name in LEANS
    }
    for name, judge in made.items():
        what = "clean: errs only, anew each time that it is asked otherwise"
        if name in LEANINGS:
            what = f"planted: {LEANINGS[name]}, in {STRENGTH:.0%} of the pairs"
        yield from once(f"judge {name}", lambda judge=judge, what=what: [line(  # type: ignore[misc]
            (what, alarms_of(subject, judge))
        )])  # fmt: skip


def alarms_of(
    subject: Subject,
    judge: BiasedJudge,
    cases: int = CASES,
    check: JudgeBias = _BY_WORDS,
) -> list[bool]:
    """Of each case."""
    found = []
    for seed in range(cases):
        with own_replies(), judging(replace(judge, seed=seed)) as spec:
            asked = [msgspec.structs.replace(check, model=spec)]
            found.append(bool(ask(replace(subject, seed=seed), asked).alarms))
    return found


def knowing(subject: Subject, folder: Path) -> Iterator[str]:
    """Simulated judges that say no where they do not know, and those that hedge anywhere."""
    queries = subject.collection.queries.select("query_id", "text")
    table = queries.with_columns(answer="number " + pl.col("query_id"))
    table.select("query_id", "answer").write_csv(folder / "answers.csv")
    check = JudgeBias(
        queries=KNOWING, documents=DOCUMENTS, appeals=0, characters=0,
        answers=str(folder / "answers.csv"),
    )  # fmt: skip
    clean = BiasedJudge(
        known(subject.collection), noise=True, hedges=0.4,
        answers=dict(table.select("text", "answer").iter_rows()),
    )  # fmt: skip
    what = "clean: errs alike whatever it knows, and says unsure of 40% of the pairs where it may"
    yield from _measured(f"knowing clean, {KNOWING_CASES}", what, subject, clean, check)
    for strength in (0.3, 0.5, 0.9):
        judge = replace(clean, hedges=0.0, leaning="ignorance", strength=strength)
        what = f"planted: {LEANINGS['ignorance']}, in {strength:.0%} of their pairs"
        name = f"knowing {strength:g}, {KNOWING_CASES}"
        yield from _measured(name, what, subject, judge, check)


def _measured(
    name: str, what: str, subject: Subject, judge: BiasedJudge, check: JudgeBias
) -> list[str]:
    return once(name, lambda: [line((what, alarms_of(subject, judge, KNOWING_CASES, check)))])


def corrections(folder: Path) -> Iterator[str]:
    """What simulated judges take for relevant among a run's candidates, and what that comes to."""
    data, hidden = half(collection("cranfield"), 0)
    run = neg.mine(data, folder / "halved")
    truth = known(data) | known(replace(data, qrels=graded(data, hidden), origin=""))
    for sensitivity, specificity in QUALITIES:
        judge = BiasedJudge(truth, sensitivity=sensitivity, specificity=specificity)
        with own_replies(), judging(judge) as spec:
            run = run.judge(neg.LLMJudge(model=spec, characters=0), ASKED)
            found = ask(subject_of(run), [JudgeBias(model="run", characters=0, appeals=APPEALS)])
        told = found["judge-bias"].estimate.details["candidates"]
        asked = run.candidates().filter(
            pl.col("llm_score").is_not_nan(), pl.col("verdict") != "positive"
        )
        pairs = asked.select(PAIR).collect()
        real = len(pairs.join(hidden, on=PAIR, how="semi")) / len(pairs)
        yield (
            f"| {sensitivity:.0%}, {specificity:.0%} | {told['pairs']:,} | {told['says yes']:.1%} "
            f"| {told['corrected']:.1%} ({told['low']:.1%} to {told['high']:.1%}) | {real:.1%} |"
        )


def graded(data: Collection, pairs: pl.DataFrame) -> pl.DataFrame:
    """The pairs as judgements."""
    rows = pairs.select(*PAIR, relevance=pl.lit(1))
    return rows.cast(dict(data.qrels.select(rows.columns).schema))  # type: ignore[arg-type]


def real_judge(subject: Subject) -> list[str]:
    """SmolLM2 behind its own server, way by way."""
    with replies_in(KEPT / "cache"), serving_model(port=PORT) as spec:
        check = JudgeBias(
            model=spec,
            queries=REAL,
            documents=DOCUMENTS,
            appeals=APPEALS,
            characters=CHARACTERS,
        )
        found = ask(subject, [check])["judge-bias"]
    return told_of(found)


def told_of(found: Answer) -> list[str]:
    """The table of one judge."""
    details: dict[str, Any] = found.estimate.details
    rates = [
        "{:.0%} ({:.0%} to {:.0%})".format(*details[f"says yes to {sort}"])
        for sort in ("relevant", "others")
    ]
    lines = [
        f"It says yes to {rates[0]} of {details['pairs'] // 2} relevant pairs, and to {rates[1]} "
        "of as many negatives. "
        + ("ALARM: " if found.alarm else "No alarm: ")
        + found.advice
        + ".",
        "",
        "| asked | change of the share of yes | answers that flip | p (McNemar) |",
        "|---|---|---|---|",
    ]
    for way, each in details["ways"].items():
        lines.append(
            f"| {way} | {each['value']:+.0%} ({each['low']:+.0%} to {each['high']:+.0%}) "
            f"| {each['flips']:.0%} | {each['p']:.2g} |"
        )
    if details["unreadable"]:
        lines += ["", f"Not readable often enough: {', '.join(details['unreadable'])}."]
    return lines


# ---- source-bias ---------------------------------------------------------------------------------


def thinned(texts: list[str], seed: int) -> list[str]:
    """Each text without an eighth of its words."""
    rng = np.random.default_rng(seed)
    return [
        " ".join(word for word in text.split() if rng.random() >= LEFT_OUT) or text
        for text in texts
    ]


def sources(folder: Path) -> Iterator[Row]:
    """Two thinned copies of a collection, of which one is called written; some of it is marked."""
    found: dict[float, list[bool]] = {share: [] for share in SHARES}
    for name in COLLECTIONS:
        data = collection(name)
        texts, asking = data.corpus["text"].fill_null("").to_list(), asked_of(data)
        for seed in range(SEEDS):
            corpus = data.corpus.with_columns(text=pl.Series(thinned(texts, 2 * seed)))
            whole = replace(data, corpus=corpus, origin="")
            subject = Subject(name, whole, data.given.select(PAIR), seed=seed)
            copies = thinned(texts, 2 * seed + 1)
            drawn = np.random.default_rng(seed).random(len(texts))
            for share in SHARES:
                marked = [
                    f"{copy} {asking[row]}" if row in asking and drawn[row] < share else copy
                    for row, copy in enumerate(copies)
                ]
                file = folder / "written.jsonl"
                written = pl.DataFrame({"rewrites": corpus["doc_id"], "text": marked})
                written.write_ndjson(file)
                found[share].append(bool(ask(subject, [SourceBias(written=str(file))]).alarms))
    for share, alarms in found.items():
        what = f"planted: {share:.0%} of the copies end in the words of a query they answer"
        yield (what if share else "clean: copies alike"), alarms


def asked_of(data: Collection) -> dict[int, str]:
    """Row of a document -> a query that it answers."""
    pairs = data.positives.sort("query", "doc").unique("doc", keep="first", maintain_order=True)
    return dict(zip(pairs["doc"], data.queries["text"].gather(pairs["query"]), strict=True))


# ---- rag-harm ------------------------------------------------------------------------------------


def readers() -> Iterator[Row]:
    """Simulated readers, who answer most questions, and some of whom negatives lead astray."""
    for share in (0.0, 0.05, 0.1, 0.2):
        alarms = []
        for seed in range(CASES):
            rng = np.random.default_rng(seed)
            able = rng.random(QUESTIONS) < 0.7
            right = {way: able ^ (rng.random(QUESTIONS) < 0.05) for way in WAYS}
            astray = rng.random(QUESTIONS) < share
            for way in (HARD, REORDERED):
                right[way] = right[way] & ~astray
            told = {way: each.tolist() for way, each in right.items()}
            alarms.append(harm(Distraction(told, 4, 0, 0, "simulated"))[1])
        yield (f"planted: {share:.0%} led astray" if share else "clean: none led astray"), alarms


def main() -> None:
    """Measure, and write the page."""
    head = ["| cases | alarms | rate |", "|---|---|---|"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = ["## source-bias", "", _SOURCE, "", *head]
        lines += once("sources", lambda: map(line, sources(folder)))
        subject = subject_of(neg.mine(collection("cranfield"), folder / "run"))
        lines += ["", "## judge-bias", "", _JUDGE, "", *head]
        lines += judges(subject)
        lines += ["", _KNOWING, "", *head]
        lines += knowing(subject, folder)
        lines += ["", _CORRECTED, ""]
        lines += ["| sensitivity, specificity | candidates | says yes | corrected | in truth |"]
        lines += ["|---|---|---|---|---|"]
        lines += once("corrections", lambda: corrections(folder))
        lines += ["", "### SmolLM2-135M", "", _REAL, ""]
        lines += once("smollm2", lambda: real_judge(subject))
        lines += ["", "## rag-harm", "", _READERS, "", *head]
        lines += map(line, readers())
    write_page("audits-bias", "Audits of bias", __doc__, lines)


_SOURCE = (
    f"Of cranfield, cisi and med two copies, each without an eighth of its words, stand in one "
    f"list, {SEEDS} cases a collection; one copy is called written. The encoder is the static one. "
    "An alarm is promised in at most 2.5% of cases on either side where the share of wins is "
    "within 0.1 of a half. No rewriting by a language model is measured here."
)
_JUDGE = (
    f"Judges simulated behind a real endpoint, that say yes to 85% of what is relevant and to 15% "
    f"of what is not: {QUERIES} queries of cranfield with a positive and a negative each, "
    f"{CASES} cases. An alarm is promised in at most 5% of cases where nothing moves the share of "
    "yes by more than 0.1."
)
_KNOWING = (
    f"The same judges where `judge-bias.answers` names the answers of {KNOWING} queries: they are "
    "asked each query without a document first, know a third, have a wrong answer of a third and "
    f"say of a third that they do not know. {KNOWING_CASES} cases; all comparisons, those of the "
    "words included, count."
)
_CORRECTED = (
    f"What a judge takes for relevant among a run's unlabelled candidates, with half of "
    f"cranfield's positives hidden, after {ASKED} pairs of `negatives judge`; corrected by how it "
    "errs on known positives and on the run's negatives; and what the hidden half says."
)
_REAL = (
    f"Behind a real server on this machine (4 bits, llama.cpp), {REAL} queries with a positive "
    f"and a negative each, {CHARACTERS} characters of a document."
)
_READERS = (
    f"Simulated readers of {QUESTIONS} questions, who know 70% of the answers, err anew in 5% of "
    "the cases in each way of asking, and are led astray by the negatives in a share of the "
    f"questions; {CASES} cases. An alarm is promised in at most 2.5% of cases where none is. A "
    "real reader's figures are those of `negatives distract`."
)


if __name__ == "__main__":
    main()
