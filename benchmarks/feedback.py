"""A preference for what a machine wrote, over rounds of training on what readers clicked.

After Zhou et al. (2024, "Source Echo Chamber"). Every document of cranfield stands beside a text
that says it again, and both are relevant to the same queries. A model ranks all of them for the
training queries; a reader clicks the first two relevant ones of the ten that are shown, and the
next model learns to tell these clicks from what was shown and not clicked. On queries that nobody
trained on it is then asked how often the written one of two relevant texts scores higher (a half is
fair), and how far the metric of written texts is above that of people's in the one list (relative
difference of RR@10; below 0 favours what was written).

The model is a linear map of the static table's vectors, which trains in a second, with the loss
`source-debias` of the package in a plain loop. The preference at the start is planted, so that
there is something to grow: no language model wrote these texts. A rule leaves out an eighth of the
words and says at the end, as machines like to, what the text is about: its title again, after "in
summary".
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import torch

import negatives as neg
from benchmarks.audits import drawn
from benchmarks.audits_bias import thinned
from benchmarks.figures import package
from benchmarks.page import write_page
from negatives.arrays import Bools, Floats, Places
from negatives.learn.encoded import EncodedBatch
from negatives.learn.source_debias import SourceDebias
from negatives.measure.audits.label_draws import metric_of
from negatives.measure.audits.source_bias import first_found, relative_bias, share_of_wins, wins
from negatives.measure.judged import judge_ranking
from negatives.measure.likeness import nearest_of, unit_vectors

SEEDS, ROUNDS, SHOWN, CLICKED = 5, 3, 10, 2
STEPS, ROWS, RATE = 50, 64, 2e-3
TRAINED = 2 / 3
"""Share of the queries whose clicks are learned from."""


@dataclass(frozen=True)
class Arm:
    """`both`: whether the other text of a clicked document is a positive, too."""

    both: bool
    loss: SourceDebias


ARMS = {
    "clicks alone": Arm(False, SourceDebias(weight=0.0)),
    "both texts of each click": Arm(True, SourceDebias(weight=0.0)),
    "both, penalty 0.1 (the paper's)": Arm(True, SourceDebias(weight=0.1)),
    "both, penalty 1": Arm(True, SourceDebias(weight=1.0)),
    "both, penalty 1, both sides": Arm(True, SourceDebias(weight=1.0, sides="both")),
}


def rewritten(texts: list[str], seed: int) -> list[str]:
    """What the machine makes of each text; the title of a document of cranfield ends at " . "."""
    return [
        f"{thin} in summary , {text.partition(' . ')[0]} ."
        for text, thin in zip(texts, thinned(texts, seed), strict=True)
    ]


@dataclass(frozen=True)
class World:
    """Vectors of the queries and of all texts: people's, then the written ones in the same order.

    `relevant`: bool[queries, texts]; `learned`: bool[queries], whose clicks are learned from.
    """

    queries: Floats
    texts: Floats
    relevant: Bools
    learned: Bools

    @staticmethod
    def of(seed: int) -> World:
        """Cranfield; the seed draws the queries that are learned from, and the words left out."""
        data = neg.Collection.load("cranfield")
        there = data.corpus.filter(pl.col("text").str.strip_chars() != "").sort("doc_id")
        texts = there["text"].to_list()
        ids = data.queries["query_id"]
        place = there.select("doc_id").with_row_index("at")
        rows = data.qrels.filter(pl.col("relevance") > 0).join(place, on="doc_id")
        rows = rows.join(data.queries.select("query_id").with_row_index("query"), on="query_id")
        relevant = np.zeros((len(ids), 2 * len(texts)), bool)
        query, doc = (rows[name].to_numpy().astype(np.int64) for name in ("query", "at"))
        relevant[query, doc] = relevant[query, doc + len(texts)] = True
        every = pl.Series([*texts, *rewritten(texts, seed)])
        learned = drawn(ids, seed, "feedback/learned") < TRAINED
        return World(unit_vectors(data.queries["text"]), unit_vectors(every), relevant, learned)

    @property
    def written(self) -> Bools:
        """bool[texts]"""
        return np.arange(len(self.texts)) >= len(self.texts) // 2

    def other(self, text: Places) -> Places:
        """The text that says the same."""
        half = len(self.texts) // 2
        return (text + half) % len(self.texts)


def mapped(vectors: Floats, by: torch.Tensor) -> Floats:
    """Vectors through the map, of length 1."""
    made = torch.nn.functional.normalize(torch.as_tensor(vectors) @ by, dim=-1)
    found: Floats = made.numpy()
    return found


@dataclass(frozen=True)
class Clicks:
    """`query`, `text`: int64[n], what was clicked; `shown`: int64[queries, 10]; `known`:
    bool[queries, texts], what counts as relevant: nothing but what was clicked, or its other text.
    """

    query: Places
    text: Places
    shown: Places
    known: Bools

    @staticmethod
    def of(world: World, by: torch.Tensor, both: bool) -> Clicks:
        """The first two relevant ones among the ten shown, of each query that is learned from."""
        near = nearest_of(mapped(world.queries, by), mapped(world.texts, by), SHOWN)[0]
        shown = near.astype(np.int64)
        hit = np.take_along_axis(world.relevant, shown, axis=1) & world.learned[:, None]
        query, place = np.nonzero(hit & (hit.cumsum(1) <= CLICKED))
        text = shown[query, place]
        known = np.zeros_like(world.relevant)
        known[query, text] = True
        if both:
            known[query, world.other(text)] = True
        return Clicks(query, text, shown, known)


def trained(world: World, arm: Arm, clicks: Clicks, seed: int) -> torch.Tensor:
    """A map that begins as the static table is, and learns from the clicks."""
    draw = np.random.default_rng(seed)
    by = torch.eye(world.texts.shape[1], requires_grad=True)
    optimiser = torch.optim.Adam([by], lr=RATE)
    losses = arm.loss.open()
    width = min(ROWS // (1 + arm.both), len(clicks.query))
    for _ in range(STEPS):
        at = draw.choice(len(clicks.query), size=width, replace=False)
        rows, texts = clicks.query[at], clicks.text[at]
        if arm.both:
            rows, texts = np.tile(rows, 2), np.concatenate([texts, world.other(texts)])
        beside = clicks.shown[rows, draw.integers(SHOWN, size=len(rows))]
        docs = np.stack([texts, beside], axis=1)
        own = clicks.known[rows[:, None], docs]  # what is shown beside may be a click itself
        batch = EncodedBatch(
            queries=torch.as_tensor(world.queries[rows]) @ by,
            docs=torch.as_tensor(world.texts[docs]) @ by,
            relevant=torch.as_tensor(clicks.known[rows][:, docs.ravel()]),
            present=torch.as_tensor(np.stack([own[:, 0], ~own[:, 1]], axis=1)),
            labels=torch.as_tensor(world.written[docs]).float(),
        )
        optimiser.zero_grad()
        batch.mean(losses(batch)).backward()
        optimiser.step()
    return by.detach()


def measured(world: World, by: torch.Tensor) -> tuple[float, float, float]:
    """Share of comparisons that what was written wins, relative difference of RR@10, nDCG@10."""
    queries, texts = mapped(world.queries[~world.learned], by), mapped(world.texts, by)
    relevant = world.relevant[~world.learned]
    half = len(texts) // 2
    owner, people = (each.astype(np.int64) for each in np.nonzero(relevant[:, :half]))
    scores = queries @ texts.T
    won = wins(scores[owner, people], scores[owner, people + half])
    near = nearest_of(queries, texts, SHOWN)[0]
    firsts = (first_found(near, owner, each) for each in (people, people + half))
    return share_of_wins(won, owner).value, relative_bias(*firsts) or 0.0, quality(near, relevant)


def quality(near: Any, relevant: Bools) -> float:
    """nDCG@10 of the list of both sorts of texts."""
    asked = pl.Series([f"q{n}" for n in range(len(near))])
    ranking = pl.DataFrame(
        {
            "query_id": np.repeat(asked.to_numpy(), SHOWN),
            "doc_id": near.ravel().astype(str),
            "rank": np.tile(np.arange(1, SHOWN + 1), len(near)),
        }
    )
    query, doc = np.nonzero(relevant)
    qrels = pl.DataFrame({"query_id": asked.gather(query), "doc_id": doc.astype(str)})
    judged = judge_ranking(ranking, qrels.with_columns(relevance=pl.lit(1)), asked)
    return float(metric_of("nDCG@10").of(judged).mean())


def rounds(arm: Arm, world: World, seed: int) -> Iterator[tuple[float, ...]]:
    """By round: what `measured` says, and the share of the clicks that is of written texts."""
    by = torch.eye(world.texts.shape[1])
    for number in range(ROUNDS + 1):
        clicks = Clicks.of(world, by, arm.both)
        yield (*measured(world, by), float(world.written[clicks.text].mean()))
        by = trained(world, arm, clicks, 1000 * seed + number)


def cells(table: Any, form: str) -> str:
    """Means over the seeds by round, with their deviations."""
    return " | ".join(
        f"{mean:{form}} ± {deviation:{form.lstrip('+')}}"
        for mean, deviation in zip(table.mean(0), table.std(0, ddof=1), strict=True)
    )


def main() -> None:
    """Go round, and write the page."""
    found: dict[str, list[Any]] = {name: [] for name in ARMS}
    for seed in range(SEEDS):
        world = World.of(seed)
        for name, arm in ARMS.items():
            found[name].append(list(rounds(arm, world, seed)))
            print(seed, name, file=sys.stderr, flush=True)
    head = " | ".join(f"round {number}" for number in range(ROUNDS + 1))
    lines = []
    for place, (anchor, (title, form)) in enumerate(_TABLES.items()):
        lines += [
            f"## {title} {{ #{anchor} }}",
            "",
            f"| trained on | {head} |",
            "|---" * (ROUNDS + 2) + "|",
        ]
        for name, each in found.items():
            lines.append(f"| {name} | {cells(np.array(each)[:, :, place], form)} |")
        lines.append("")
    write_page("feedback", "Bias that feeds on itself", __doc__, [_SETTING, "", *lines])
    package("feedback", {"source-debias": [packaged(found)]})


def packaged(found: dict[str, list[Any]]) -> dict[str, Any]:
    """The figure of the recipe: its penalty beside none, on the same pairs, after all rounds."""
    value, beside = (float(np.array(found[name])[:, -1, 0].mean()) for name in (_RECIPE, _WITHOUT))
    return {
        "stage": "wins", "title": "Trained on clicks, round by round",
        "metric": "share won by written texts", "model": "a linear map of static",
        "seeds": SEEDS, "value": round(value, 4), "naive": round(beside, 4),
        "beside": _WITHOUT,
    }  # fmt: skip


_RECIPE, _WITHOUT = "both, penalty 0.1 (the paper's)", "both texts of each click"


_TABLES = {
    "wins": ("Share of comparisons that the written text wins", ".3f"),
    "difference": ("Relative difference of RR@10", "+.3f"),
    "quality": ("nDCG@10 of both sorts of texts, queries that were not trained on", ".3f"),
    "clicks": ("Share of the clicks that are on written texts", ".3f"),
}
_SETTING = (
    f"{SEEDS} seeds, which draw the queries trained on, the words left out and the order of the "
    f"examples; mean ± standard deviation over them. Round 0 is the table as it comes. Each "
    f"training begins with that, takes {STEPS} steps of {ROWS} examples, and learns from the "
    "clicks of the last round alone. A negative is one of the ten shown that was not clicked, and "
    "what was clicked for other queries of the batch."
)


if __name__ == "__main__":
    main()
