"""A test set's labels as `negatives audit --checks benchmark-noise` sees them: how often it sounds
an alarm where labels were put on other documents, and where none was; and what that does to a
comparison. Intervals of the rates are exact, with 95% confidence.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

import negatives as neg
from benchmarks.audits import CASES, COLLECTIONS, Row, collection, drawn, line
from benchmarks.page import write_page
from negatives.measure.audits import Subject, ask
from negatives.measure.audits.benchmark_noise import BenchmarkNoise
from negatives.measure.likeness import nearest_of, unit_vectors
from negatives.schema import PAIR

Put = Callable[[neg.Collection, int], pl.Series]
"""Documents for the labels of a collection, a row each, where these are wrong."""


def anywhere(data: neg.Collection, seed: int) -> pl.Series:
    """Any document."""
    at = np.random.default_rng(seed).integers(len(data.corpus), size=len(data.qrels))
    return data.corpus["doc_id"].gather(at)


def nearby(data: neg.Collection, seed: int) -> pl.Series:
    """One of the twenty nearest to the query, by the static encoder."""
    asked = unit_vectors(data.queries["text"]), unit_vectors(data.corpus["text"].fill_null(""))
    near = nearest_of(*asked, 20)[0]
    row = data.qrels.join(data.queries.with_row_index("at"), on="query_id", maintain_order="left")
    at = np.random.default_rng(seed).integers(20, size=len(row))
    return data.corpus["doc_id"].gather(near[row["at"].to_numpy(), at])


def labelled(name: str, seed: int, share: float, put: Put) -> neg.Collection:
    """Half of a collection's queries, a share of whose labels is on other documents."""
    data = collection(name)
    kept = data.queries["query_id"].filter(
        pl.Series(drawn(data.queries["query_id"], seed, "audits/labelled") < 0.5)
    )
    qrels = data.qrels.filter(pl.col("query_id").is_in(kept.implode()))
    data = replace(data, qrels=qrels, origin="")
    wrong = pl.Series(np.random.default_rng(seed).random(len(qrels)) < share)
    doc = pl.when(wrong).then(put(data, seed)).otherwise("doc_id")
    qrels = qrels.with_columns(doc_id=doc).unique(PAIR, keep="first").sort(PAIR)
    return replace(data, qrels=qrels, origin="")


def mislabelled() -> Iterator[Row]:
    """Test sets as they are, and with labels on any document or on one nearby."""
    for share, put, where in (
        (0.0, anywhere, ""),
        *((share, anywhere, "on any document") for share in (0.1, 0.2, 0.3)),
        (0.3, nearby, "on a document near to the query"),
    ):
        found = []
        for name in COLLECTIONS:
            for seed in range(CASES // len(COLLECTIONS)):
                data = labelled(name, seed, share, put)
                subject = Subject(name, data, data.given.select(PAIR))
                found.append(bool(ask(subject, ["benchmark-noise"]).alarms))
        yield f"planted: {share:.0%} of the labels are {where}" if share else "clean", found


def conclusions(folder: Path) -> Iterator[str]:
    """BM25 against the static encoder, on labels that are drawn by how probably they are wrong."""
    for name in COLLECTIONS:
        for share in (0.0, 0.2):
            data = labelled(name, 0, share, anywhere)
            files = [folder / f"{name}-{model}.run" for model in ("bm25", "static")]
            for file, model in zip(files, ("bm25", "static"), strict=True):
                neg.evaluate(model, data, save_run=file)
            check = BenchmarkNoise(first=str(files[0]), second=str(files[1]))
            found = ask(Subject(name, data, data.given.select(PAIR)), [check])["benchmark-noise"]
            told, rate = found.estimate.details["comparison"], found.estimate
            mean, low, high = told["difference over drawings"]
            yield (
                f"| {name}, {share:.0%} | {rate.value:.0%} ({rate.low:.0%} to {rate.high:.0%}) "
                f"| {told['difference']:+.4f} (p = {told['p']:.2g}) "
                f"| {mean:+.4f} ({low:+.4f} to {high:+.4f}) | {told['sign turns in']:.0%} "
                f"| {told['significance changes in']:.0%} |"
            )


def main() -> None:
    """Measure, and write the page."""
    lines = [_NOISE, "", "| cases | alarms | rate |", "|---|---|---|"]
    lines += [line(row) for row in mislabelled()]
    lines += ["", _CONCLUSIONS, ""]
    lines += [
        "| collection, planted | told wrong | BM25 less static, nDCG@10 | over drawings "
        "| sign turns | significance changes |",
        "|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        lines += conclusions(Path(folder))
    write_page("benchmark-noise", "Labels that are wrong", __doc__, lines)


_NOISE = (
    "Half of the queries of cranfield, cisi and med, eight cases each. An alarm is promised in at "
    "most 2.5% of cases where no more than 10% of the positives are on any document. What is on a "
    "document near to the query is not seen, nor promised to be."
)
_CONCLUSIONS = (
    "What that does to a comparison: BM25 and the static encoder on half of the queries, with "
    "labels as they are and with a fifth of them on any document, and on 200 drawings of the "
    "labels by how probably each is wrong."
)


if __name__ == "__main__":
    main()
