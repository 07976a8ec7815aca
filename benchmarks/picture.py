"""The picture at the top of README.md: what three ways to choose negatives take of one collection.

Half of the positives of each query of the bundled collection are hidden, and five negatives a query
are chosen as if nobody had ever labelled them. Each dot is a negative; the hidden ones among them,
which are false, are marked. How high a dot stands is what the run said of it without knowing which
are hidden. The same candidates by the same built-in encoder for all three.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

import negatives as neg
from benchmarks.hiding import PAIR, half
from negatives.chance import pair_uniforms

PICTURE = Path("docs/three-ways.svg")
EACH = 5
WIDTH, HEIGHT, LEFT, TOP, PANEL, GAP, BOTTOM = 960, 330, 54, 74, 280, 24, 58
LEAST, MOST = -2.0, 5.0
MARKS = (0.0, 0.02, 0.1, 0.25, 0.5, 1.0)
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .name { font-size: 16px; font-weight: 600 }
  .axis { font-size: 11px; fill: #57606a }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .right { fill: #2563eb; fill-opacity: .45 }
  .false { fill: none; stroke: #d1242f; stroke-width: 1.6 }
  .falsely { fill: #d1242f; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .axis { fill: #9198a1 } .grid { stroke: #3d444d }
    .right { fill: #6ea8fe } .false { stroke: #ff7b72 } .falsely { fill: #ff7b72 }
  }
"""


@dataclass(frozen=True)
class Way:
    """What one way took: hardness, p_relevant and whether it is false, a row a negative."""

    name: str
    about: str
    taken: pl.DataFrame
    asked: int

    @property
    def coverage(self) -> float:
        """Negatives delivered, of those asked for."""
        return len(self.taken) / self.asked

    @property
    def false(self) -> float:
        """The share of them that is hidden."""
        return float(self.taken["false"].mean() or 0.0)  # type: ignore[arg-type]

    @property
    def hardness(self) -> float:
        """On average."""
        return float(self.taken["hardness"].mean() or 0.0)  # type: ignore[arg-type]


def ways() -> list[Way]:
    """The three, from two runs: the rule needs a judge of its own."""
    data, hidden = half(neg.Collection.load("cranfield"), 0)
    with tempfile.TemporaryDirectory() as folder:
        run = neg.mine(data, Path(folder) / "default", pick=neg.RiskLimited(per_query=EACH))
        ledger = run.candidates().select(*PAIR, "p_relevant").collect()
        asked = EACH * run.negatives["query_id"].n_unique()
        ours = run.negatives
        dense = [neg.Dense(top=100)]
        top = neg.mine(data, Path(folder) / "top", sources=dense, pick=neg.Top(per_query=EACH))
        rule = neg.mine(
            data,
            Path(folder) / "rule",
            sources=dense,
            judges=[neg.PercentOfPositive(0.95)],
            pick=neg.Top(per_query=EACH),
        )
        deviation = run.manifest.facts.reference_deviation or 1.0
        taken = {
            name: (each.negatives, each.manifest.facts.reference_deviation or 1.0)
            for name, each in (("the top", top), ("95% rule", rule))
        } | {"default recipe": (ours, deviation)}

    def way(name: str, about: str) -> Way:
        chosen, own = taken[name]
        # In the deviations of one run, so that the three can be compared.
        found = chosen.select(*PAIR, hardness=pl.col("hardness") * own / deviation)
        found = found.join(ledger, on=PAIR, how="left", maintain_order="left")
        mark = hidden.with_columns(false=True)
        found = found.join(mark, on=PAIR, how="left", maintain_order="left")
        return Way(name, about, found.with_columns(pl.col("false").fill_null(False)), asked)

    return [
        way("the top", "the highest-ranked that nobody labelled"),
        way("95% rule", "the highest below 95% of the positive"),
        way("default recipe", "the hardest that are probably not relevant"),
    ]


def picture(found: list[Way]) -> str:
    """SVG: a panel a way, hardness across, p_relevant up."""
    said = "; ".join(
        f"{way.name}: coverage {way.coverage:.0%}, {way.false:.1%} false, hardness "
        f"{way.hardness:+.2f}"
        for way in found
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Negatives chosen in three ways. {said}.">',
        f"<style>{STYLE}</style>",
    ]
    for number, way in enumerate(found):
        parts += _panel(way, LEFT + number * (PANEL + GAP), number == 0)
    across = LEFT + (3 * PANEL + 2 * GAP) / 2
    parts += [
        f'<text class="axis" x="{across:.0f}" y="{HEIGHT - 6}" text-anchor="middle">'
        "hardness: 0 is as high as the query's lowest positive; further right is harder</text>",
        f'<text class="axis" transform="translate(14 {(TOP + HEIGHT - BOTTOM) / 2:.0f}) '
        'rotate(-90)" text-anchor="middle">p_relevant, as estimated</text>',
        "</svg>",
        "",
    ]
    return "\n".join(parts)


def _panel(way: Way, left: int, labelled: bool) -> Iterator[str]:
    yield f'<text class="name" x="{left}" y="20">{way.name}</text>'
    yield f'<text class="axis" x="{left}" y="37">{way.about}</text>'
    yield (
        f'<text x="{left}" y="57">delivers {way.coverage:.0%}, hardness {way.hardness:+.1f}, '
        f'<tspan class="falsely">{way.false:.1%} false</tspan></text>'
    )
    for share in MARKS:
        y = _up(share)
        yield f'<line class="grid" x1="{left}" x2="{left + PANEL}" y1="{y:.1f}" y2="{y:.1f}"/>'
        if labelled:
            where = f'x="{left - 6}" y="{y + 4:.1f}" text-anchor="end"'
            yield f'<text class="axis" {where}>{share:g}</text>'
    for tick in range(int(LEAST), int(MOST) + 1):
        x = left + _across(tick)
        yield (
            f'<text class="axis" x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">'
            f"{tick:+d}</text>".replace("+0", "0")
        )
    x = left + _across(0.0)
    yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
    shown = way.taken.filter(pl.Series(pair_uniforms(way.taken, 0, "picture")) < 0.5)
    for false, mark, radius in ((False, "right", 2.2), (True, "false", 3.2)):
        yield f'<g class="{mark}">'
        for hardness, p in shown.filter(pl.col("false") == false)[
            "hardness", "p_relevant"
        ].iter_rows():
            x = left + _across(min(max(hardness, LEAST), MOST))
            yield f'<circle cx="{x:.1f}" cy="{_up(p or 0.0):.1f}" r="{radius}"/>'
        yield "</g>"


def _across(hardness: float) -> float:
    return (hardness - LEAST) / (MOST - LEAST) * PANEL


def _up(share: float) -> float:
    """By the square root: what matters is the difference between 1% and 10%."""
    return HEIGHT - BOTTOM - math.sqrt(share) * (HEIGHT - BOTTOM - TOP)


def main() -> None:
    """Mine three times, and draw."""
    found = ways()
    for way in found:
        print(f"{way.name}: {way.coverage:.1%} {way.false:.1%} {way.hardness:+.2f}")
    PICTURE.write_text(picture(found), "utf-8")


if __name__ == "__main__":
    main()
