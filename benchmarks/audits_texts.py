"""Checks of `negatives audit` that read texts and ask no language model: how often each sounds an
alarm where something is planted, and where nothing is. Intervals of the rates are exact, with 95%
confidence.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import polars as pl

import negatives as neg
from benchmarks.audits import CASES, Row, line
from benchmarks.blind import captions
from benchmarks.data import load
from benchmarks.learning import sampled
from benchmarks.page import write_page
from benchmarks.shared_errors import QUERIES, added, vectors_of, wrong_texts
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.measure.audits import Subject, ask, subject_of
from negatives.measure.audits.shared_errors import Sample, SharedErrors
from negatives.recipe import parse
from negatives.schema import PAIR, Collection

ASKED = 150
"""Queries of a case."""
SHARES = (0.25, 0.5, 1.0)
DOSES, NOTICED = (0.0, 0.1, 0.13, 0.15, 0.2, 0.4), 0.8
"""How much encoders like errors, and the share of texts whose errors they notice."""
EDITS = ("opposites", "replace")
"""One whose edits are known blind, and one whose edits are not."""


# ---- blind ---------------------------------------------------------------------------------------


def drawn(ids: pl.Series, case: int) -> pl.Series:
    """Queries of a case, by their ids."""
    there = ids.unique().sort()
    chance = uniforms(id_hashes(there), stream_key(case, "audits-blind/queries"))
    return there.gather(np.sort(np.argsort(chance)[:ASKED]))


def alarm(subject: Subject, negatives: pl.DataFrame, case: int) -> bool:
    """Of the check as it is."""
    asked = replace(subject, negatives=negatives, seed=case)
    return bool(ask(asked, ["blind"]).alarms)


def mined(folder: Path) -> Iterator[Row]:
    """Negatives of the default recipe, of two queries of three."""
    subject = subject_of(neg.mine("cranfield", folder / "mined"))
    found = [
        alarm(subject, subject.negatives.filter(pl.col("query_id").is_in(some.implode())), case)
        for case, some in ((n, drawn(subject.negatives["query_id"], n)) for n in range(CASES))
    ]
    yield f"clean: mined by the default recipe for {ASKED} of cranfield's queries", found


def edited(data: neg.Collection, rule: str, folder: Path) -> pl.DataFrame:
    """query_id, doc_id, text of one edit an image."""
    recipe = parse(
        f'name = "edits"\n[[find]]\nkind = "given"\n[[make]]\nkind = "text-edits"\n'
        f'rules = ["{rule}"]\n[pick]\nkind = "top"\nper_query = 1\n'
    )
    made = neg.mine(data, folder / rule, recipe=recipe).generated
    return made.select(*PAIR, "text").sort(PAIR).unique("query_id", maintain_order=True)


def captioned(folder: Path) -> Iterator[Row]:
    """A caption of another image each, and edits in the place of some."""
    data = captions()
    known = data.qrels.filter(pl.col("relevance") > 0).select(PAIR).sort(PAIR)
    for rule in EDITS:
        edits = edited(data, rule, folder)
        pairs = known.join(edits.select("query_id"), on="query_id", how="semi")
        ids = pl.concat([known["doc_id"], edits["doc_id"]]).unique().implode()
        texts = pl.concat([data.corpus.select("doc_id", "text"), edits.select("doc_id", "text")])
        corpus = texts.filter(pl.col("doc_id").is_in(ids)).sort("doc_id").with_row_index("row")
        whole = replace(data, corpus=corpus, origin="")
        subject = Subject("captions", whole, edits.select(PAIR))
        for share in (0.0, *SHARES) if rule == EDITS[0] else SHARES[-1:]:
            found = []
            for case in range(CASES):
                some = drawn(pairs["query_id"], case)
                rng = np.random.default_rng(case)
                others = known.filter(~pl.col("query_id").is_in(some.implode()))["doc_id"]
                wrong = edits.join(pl.DataFrame({"query_id": some}), on="query_id").sort("query_id")
                kept = pl.Series(rng.random(len(wrong)) < share)
                other = others.gather(rng.permutation(len(others))[: len(wrong)])
                doc = pl.when(kept).then("doc_id").otherwise(other)
                found.append(alarm(subject, wrong.select("query_id", doc_id=doc), case))
            yield _what(rule, share), found


def _what(rule: str, share: float) -> str:
    if rule == EDITS[1]:
        return f"below the threshold: {share:.0%} are edits by `{rule}`, which are known in 55%"
    if not share:
        return "clean: captions of other images"
    return f"planted: {share:.0%} are edits by `{rule}`, the others captions of other images"


# ---- shared-errors -------------------------------------------------------------------------------


def liking(dev: Collection) -> Iterator[Row]:
    """Encoders that like errors which query and text share: other queries and errors each time."""
    found: dict[float, list[bool]] = {dose: [] for dose in DOSES}
    adds: dict[float, list[float]] = {dose: [] for dose in DOSES}
    for case in range(CASES):
        ids = dev.queries["query_id"]
        half = uniforms(id_hashes(ids), stream_key(case, "audits-texts/half")) < 0.5
        some = pl.DataFrame({"query_id": ids.filter(pl.Series(half))})
        data = replace(dev, qrels=dev.qrels.join(some, on="query_id", how="semi"), origin="")
        subject = Subject("half", data, data.given.select(PAIR), seed=case)
        sample = Sample.of(subject, SharedErrors().planted)
        wrong = wrong_texts(sample)
        chance = uniforms(id_hashes(pl.Series(wrong)), stream_key(case, "audits-texts/noticed"))
        noticed = [text for text, draw in zip(wrong, chance, strict=True) if draw < NOTICED]
        for dose in DOSES:
            value, low, _ = added(sample, vectors_of(sample, noticed, dose), seed=case)
            adds[dose].append(value)
            found[dose].append(low > SharedErrors().most)
    for dose, alarms in found.items():
        what = f"{dose:g} in the vector, which adds {np.mean(adds[dose]):.2f}"
        yield f"{'planted' if dose else 'clean'}: {what}", alarms


def table(rows: Iterable[Row]) -> Iterator[str]:
    """As they are measured."""
    yield from ("| cases | alarms | rate |", "|---|---|---|")
    for row in rows:
        print(line(row), file=sys.stderr, flush=True)
        yield line(row)


def main() -> None:
    """Measure, and write the page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = ["## blind", "", _BLIND, "", *table(chain(mined(folder), captioned(folder)))]
    _, dev = sampled(load("medquad@train"), load("medquad@dev"), QUERIES)
    lines += ["", "## shared-errors", "", _SHARED, "", *table(liking(dev))]
    write_page("audits-texts", "Audits of texts", __doc__, lines)


_SHARED = (
    "The static encoder with one number more in its vectors, of which the rest has length 1, by "
    "which texts with errors of grammar are alike; it notices four of five such texts. "
    f"{CASES} cases, each with half of {QUERIES // 5} questions of MedQuAD, and errors, unrelated "
    "pairs and texts that are noticed of its own. An alarm is promised in at most 2.5% of cases "
    "where shared errors add no more than 0.1 deviations to a score. [What each adds, and when "
    "planted texts are found](shared-errors.md#made)."
)
_BLIND = (
    f"{ASKED} queries a case with a negative each, or as many as were mined. Queries of COCO are "
    "images, and positives their captions. An alarm, a share above 0.65 by the interval, is "
    "promised in at most 2.5% of cases where the share is not above it. [What is known of which "
    "edits](blind.md)."
)


if __name__ == "__main__":
    main()
