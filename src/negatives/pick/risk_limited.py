"""Risk-limited: as hard as possible, with at most so many of them false."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

import msgspec
import polars as pl
from msgspec import Meta

from negatives.estimation import Basis
from negatives.pick.best import within_reach
from negatives.pick.top import first
from negatives.pick.trial import SKIPPED, Trial, sampled
from negatives.schema import JUDGED_NEGATIVE
from negatives.stage import Picker, Ranking, Share

ASKING: Final = 3.0
"""Times the asked share at which pairs are worth asking about (benchmark `judgements`)."""


class RiskLimited(Picker, kind="risk-limited"):
    """Hardest first, at a price: ordered by hardness - price x p_relevant.

    The price is the lowest at which the expected share of false negatives over the run is at most
    `max_false`: by the mean of p_relevant over what is picked and, where p_relevant rests on labels
    alone, by what becomes of the known positives when each is put back among the candidates as if
    nobody had labelled it (the share that is picked, times the false ones there are to pick).

    Where no price keeps the share, or the label rate is a guess (one known positive a query), what
    is picked is no easier than a rank window: the candidates after the 30 hardest. That is a
    compromise, and the run says so; `strict` picks the safest instead. Where p_relevant is not
    known, the hardest below the query's lowest positive are picked, and no share is promised.

    >>> from negatives import RiskLimited, tiny
    >>> tiny.picked(RiskLimited(per_query=2))["wings"]
    ['plane', 'albatross']
    >>> tiny.picked(RiskLimited(per_query=2, max_p=1.0))["wings"]  # p_relevant of "again" is 0.79
    ['again', 'plane']
    >>> tiny.picked(RiskLimited(per_query=2, max_p=1.0, price=1.0))["wings"]
    ['plane', 'again']
    """

    reads: ClassVar[tuple[str, ...] | None] = ("verdict", "hardness", "p_relevant")
    max_false: Annotated[Share, Meta(description="expected share of false negatives, at most")] = (
        0.05
    )
    max_p: Annotated[
        Share, Meta(description="never a pair that is more probably relevant than this")
    ] = 0.5
    strict: Annotated[
        bool,
        Meta(
            description="keep to max_false at any cost in hardness, even where it cannot be "
            "promised"
        ),
    ] = False
    price: Annotated[
        float, Meta(ge=0, description="hardness given up for one false negative less; 0: found")
    ] = 0.0

    def tuned(
        self, parts: Sequence[Path], basis: Basis = "labels"
    ) -> tuple[Picker, dict[str, Any]]:
        """With the price found on the ledger, and what is expected of it.

        `promised` says whether the share is; `low`, `mid` and `high` what it is over the label
        rates that are credible; `compromise`, whether the price is that of the rank window.
        """
        ledger = sampled(parts)
        if ledger["p_relevant"].null_count() == len(ledger):
            return self, {"warning": _UNKNOWN} if len(ledger) else {}
        trial = Trial.of(ledger, self.per_query, self.max_p)
        del ledger  # the ids take as much as all numbers, and are not needed any more
        by_leaks = basis in ("labels", "recipe")
        wanted = self.price or trial.cheapest(self.max_false, leaks_count=by_leaks)
        found = trial.at(wanted)
        share = max(found["expected"], found["expected by leaks"] if by_leaks else 0.0)
        told: dict[str, Any] = {"asked": self.max_false, "basis": basis, "compromise": False}
        told["promised"] = share <= self.max_false and basis != "guess"
        price, window = wanted, trial.window()
        if not (told["promised"] or self.strict or self.price) and window is not None:
            price = min(wanted, trial.dearest(window))
            told |= {"compromise": price < wanted, "window": window}
            found = trial.at(price)
        ends = trial.over_the_label_rate(price)
        told |= {"price": price, **found, **dict(zip(("low", "mid", "high"), ends, strict=False))}
        if not told["promised"]:
            told["warning"] = self._unpromised(told, share)
        return msgspec.structs.replace(self, price=price), told

    def _unpromised(self, told: dict[str, Any], share: float) -> str:
        """Why the share is not promised, what was picked instead, and what would help."""
        if told["basis"] == "guess":
            why = (
                f"at most {self.max_false:.1%} false cannot be promised, for labels do not tell "
                "how many of the relevant pairs are labelled"
            )
        else:
            why = (
                f"at most {self.max_false:.1%} false cannot be promised: the safest choice of "
                f"{self.per_query} a query still has {share:.1%}"
            )
        over = ""
        if "high" in told:
            over = (
                f" ({told['low']:.1%} to {told['high']:.1%} over the label rates that are credible,"
                f" {told['mid']:.1%} in the middle)"
            )
        if told["compromise"]:
            done = (
                f"a compromise was picked, as hard as ranks {SKIPPED + 1} to "
                f"{SKIPPED + self.per_query} would be (hardness {told['hardness']:.2f}): "
                f"{told['expected']:.1%} are expected to be false{over}"
            )
        else:
            done = f"of what was picked {told['expected']:.1%} are expected to be false{over}"
        helps = (
            "forty verdicts make it possible: negatives review RUN (or, in a file, "
            "negatives judge RUN --ask 60 -o FILE)"
            if told["basis"] == "guess"
            else "ask for fewer a query, or raise `top` of the sources"
        )
        strictly = "; or --strict for the safest" if told["compromise"] else ""
        return f"{why}; {done}; {helps}{strictly}"

    def asking(self) -> Picker:
        """What would be picked at three times the share.

        Among what is picked hardly any pair is relevant, so that verdicts on it say little; a few
        more of them say more, and still of pairs that are nearly picked.
        """
        share = min(ASKING * self.max_false, 1.0)
        return msgspec.structs.replace(self, max_false=share, price=0.0, strict=True)

    def keeping(self) -> Picker:
        """The same without a compromise."""
        return msgspec.structs.replace(self, strict=True)

    def pick(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """Highest worth first; ties by doc_id."""
        safe = (self._p <= self.max_p) & ~self._above
        near = within_reach(rows, pl.when(safe).then(self._worth), self.per_query)
        return first(self.ranked(near, seed), self.per_query)

    @property
    def ranking(self) -> Ranking:
        """Itself."""
        return self

    def ranked(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """The rows that may be picked, in that order."""
        return (
            rows.filter(self._p <= self.max_p)
            .with_columns(_worth=self._worth, _above=self._above)
            .sort(
                "query_id",
                "_above",
                "_worth",
                "doc_id",
                descending=[False, False, True, False],
                nulls_last=True,
            )
            .drop("_worth", "_above")
        )

    @property
    def _known_p(self) -> pl.Expr:
        """p_relevant, null where it is not known."""
        judged = pl.col("verdict") == JUDGED_NEGATIVE
        return pl.when(judged).then(0.0).otherwise(pl.col("p_relevant").cast(pl.Float64))

    @property
    def _p(self) -> pl.Expr:
        return self._known_p.fill_null(0.0)

    @property
    def _worth(self) -> pl.Expr:
        return pl.col("hardness").cast(pl.Float64) - self.price * self._p

    @property
    def _above(self) -> pl.Expr:
        """Whether nothing speaks against a pair's being relevant: such ones come last."""
        return (pl.col("hardness") >= 0) & self._known_p.is_null()

    @property
    def fix(self) -> str:
        """Raise the limit for one pair."""
        return f"raise max_p of risk-limited (now {self.max_p:g})"


_UNKNOWN = (
    "p_relevant is not known, so no share of false negatives is promised: the hardest below the "
    "query's lowest positive are picked"
)
