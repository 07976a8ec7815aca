"""Which pairs of a run somebody is asked about, in two orders that are kept apart.

`random`: a uniform sample of the chosen negatives, whose verdicts bound the share that is false
with no other assumption. `active`: pairs that would be picked if more could be false, drawn the
more often the more a verdict is expected to tell of how many of those are relevant; such verdicts
feed the estimate alone. Both are drawn by hash, and a longer queue holds the shorter one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Doubles
from negatives.chance import id_hashes, pair_uniforms, stream_key, uniforms
from negatives.run.picked import parts_with_picks
from negatives.run.reviews import read_lines, settled, standing
from negatives.run.verdicts import OPEN, without_verdicts
from negatives.schema import KEPT, PAIR
from negatives.stage import Picker
from negatives.store.ledger import among, blocks
from negatives.store.run import NEGATIVES_FILE, Run
from negatives.store.scratch import scratch_folder

QUEUE: Final = 10_000
"""Pairs that an order holds, at most: more than anybody judges before negatives are picked anew."""
SAMPLED: Final = 40_000
"""Pairs of the ledger, about, by whole queries, on which it is found out what verdicts change."""
_SEARCHED: Final = 250_000
"""Pairs of the ledger, about, by whole queries, among which those that tell most are sought."""
_HEAD: Final = [*PAIR, "relevance", "verdict", "rule", "reason"]


@dataclass(frozen=True)
class Questions:
    """What can be asked of a run with the negatives `picks`.

    `random` and `active` are rows of the ledger as it was mined, with `position` among the query's
    negatives (null: none of them), in the order in which they are asked about; `unknown` is how
    many negatives there are that nobody has judged, of which `random` is a sample. `judged` are the
    rows that have a verdict already, and `sample` some whole queries of the ledger.
    """

    picks: str
    unknown: int
    random: pl.DataFrame
    active: pl.DataFrame
    judged: pl.DataFrame
    sample: pl.DataFrame


def picks_of(run: Run) -> str:
    """Changes whenever a run's negatives do."""
    return run.manifest.files[NEGATIVES_FILE].hash[:12]


def questions(run: Run, queue: int = QUEUE) -> Questions:
    """Both orders, of at most `queue` pairs each, found in few passes over a bounded memory."""
    lines, picks = read_lines(run.path), picks_of(run)
    known, seed = settled(lines), run.recipe.seed
    # What was judged when the run had other negatives is no part of the sample of these.
    before = settled(lines.filter(pl.col("picks") != picks)).select(PAIR)
    sample = _sample(run)
    picker = _tuned(run, sample)
    random, pool = _Lowest(queue), _Lowest(2 * queue)
    unknown = 0
    reads = None if picker.reads is None else list(dict.fromkeys([*_HEAD, *picker.reads]))
    for part in parts_with_picks(run, reads):
        block = without_verdicts(part)
        open_ = block.filter(OPEN)
        asked = open_.filter(pl.col("position").is_not_null()).join(before, on=PAIR, how="anti")
        unknown += len(asked)
        random.add(asked.select(*PAIR, "position"), seed, _stream(picks))
        searched = block.filter(pl.col("verdict").is_in(KEPT), _drawn(run, block, _SEARCHED))
        near = picker.pick(searched.drop("position"), seed)
        near = near.filter(OPEN).select(PAIR).join(known, on=PAIR, how="anti")
        near = near.join(asked.select(*PAIR, "position"), on=PAIR, how="left")
        pool.add(near, seed, "review/pool")
    wanted = pl.concat([random.pairs, pool.pairs]).unique(PAIR)
    rows = _rows(run, pl.concat([wanted.select(PAIR), known.select(PAIR)]).unique())
    judged = rows.filter(OPEN).join(known, on=PAIR, how="inner", maintain_order="left")
    return Questions(
        picks,
        unknown,
        random.pairs.join(rows, on=PAIR, how="inner", maintain_order="left"),
        _most_telling(run, judged, pool.pairs.join(rows, on=PAIR), queue),
        judged,
        sample,
    )


def judged_sample(run: Run, lines: pl.DataFrame) -> pl.DataFrame:
    """Those of a run's reviews that are of a random sample of its present negatives.

    The sample is what comes first in the random order, as far as somebody has judged in it, and a
    pair of it counts however it came to be judged: to leave out what was judged in the active order
    would leave out the suspects.
    """
    if lines.is_empty():
        return lines
    picks = picks_of(run)
    before = settled(lines.filter(pl.col("picks") != picks)).select(PAIR)
    ours = lines.filter(pl.col("picks") == picks).join(before, on=PAIR, how="anti")
    ours = ours.join(run.negatives.select(PAIR), on=PAIR, how="semi", maintain_order="left")
    drawn = pl.Series("_drawn", pair_uniforms(ours, run.recipe.seed, _stream(picks)))
    placed = ours.with_columns(drawn)
    furthest = standing(placed).filter(pl.col("order") == "random")["_drawn"].max()
    return placed.filter(pl.col("_drawn") <= pl.lit(furthest, pl.Float64)).drop("_drawn")


def random_sample(run: Run, count: int) -> pl.DataFrame:
    """query_id and doc_id of `count` chosen negatives, drawn at random; fewer where there are."""
    return questions(run, count).random.head(count).select(PAIR)


def ask_about(run: Run, count: int) -> pl.DataFrame:
    """query_id and doc_id of `count` pairs whose verdicts are expected to tell most."""
    return questions(run, count).active.head(count).select(PAIR)


def _stream(picks: str) -> str:
    """The stream that a sample of some negatives is drawn by: another for others, or it would begin
    with what is left of this one.
    """
    return f"review/random/{picks}"


def _sample(run: Run) -> pl.DataFrame:
    """Some whole queries of the ledger as it was mined, drawn by the hash of their id."""
    found = []
    for path in run.parts:
        scan = pl.scan_parquet(path, glob=False)
        rows = scan.filter(_drawn(run, scan.select("query_id").collect(), SAMPLED))
        found.append(without_verdicts(rows).collect())
    return pl.concat(found)


def _drawn(run: Run, rows: pl.DataFrame, about: int) -> pl.Expr:
    """Whether a row is of a query that is drawn, so that about so many pairs of the run are."""
    queries = rows.select(pl.col("query_id").rle().struct.field("value")).to_series()
    draw = uniforms(id_hashes(queries), stream_key(run.recipe.seed, "review/sample"))
    drawn = queries.filter(pl.Series(draw * max(run.manifest.counts.candidates, 1) <= about))
    return pl.col("query_id").is_in(drawn.implode())


def _tuned(run: Run, sample: pl.DataFrame) -> Picker:
    """The picker whose choice is worth asking about."""
    with scratch_folder() as folder:
        part = folder / "part.parquet"
        sample.write_parquet(part, compression="uncompressed", statistics=False)
        return run.recipe.pick.asking().tuned([part], run.manifest.notes.basis)[0]


def _rows(run: Run, pairs: pl.DataFrame) -> pl.DataFrame:
    """The rows of a few pairs in the ledger as it was mined."""
    found = [
        without_verdicts(among(block, pairs).drop("row"))
        for path in run.parts
        for block in blocks(path)
    ]
    return pl.concat(found)


def _most_telling(run: Run, judged: pl.DataFrame, pool: pl.DataFrame, count: int) -> pl.DataFrame:
    """`count` pairs of the pool, drawn in proportion to what their verdicts are expected to tell.

    Weighted sampling without replacement (Efraimidis and Spirakis, 2006): the lowest -log(u) / w.
    """
    estimator = run.recipe.estimate
    weight: Doubles | None = None
    if estimator is not None:
        weight = estimator.information(run.manifest.notes.measured, judged, pool)
    if weight is None:
        p = pool["p_relevant"].cast(pl.Float64).fill_null(0.5).to_numpy()
        weight = p * (1 - p)
    drawn = pair_uniforms(pool, run.recipe.seed, "review/ask")
    key = -np.log(np.maximum(drawn, 1e-300)) / np.maximum(weight, 1e-12)
    return pool.with_columns(_key=pl.Series(key)).sort("_key", *PAIR).head(count).drop("_key")


class _Lowest:
    """So many pairs of all that are shown, those whose draw is lowest, in its order."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._kept = pl.DataFrame()

    def add(self, pairs: pl.DataFrame, seed: int, stream: str) -> None:
        """Show it some pairs, each once."""
        drawn = pl.Series("_drawn", pair_uniforms(pairs, seed, stream))
        both = pl.concat([self._kept, pairs.with_columns(drawn)], how="diagonal")
        self._kept = both.sort("_drawn", *PAIR).head(self._count)

    @property
    def pairs(self) -> pl.DataFrame:
        """Those that are kept."""
        return self._kept.drop("_drawn")
