"""A budget of examples shared out among groups by how much each still learns."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from negatives.arrays import Doubles, Places, places_within
from negatives.batch.clusters import k_means
from negatives.choose.chooser import Chooser, Pool
from negatives.choose.students import taught
from negatives.schema import Needs

_SHARES = (0.25, 0.5, 1.0)
"""Of what is learned from: the sizes at which the curves are measured."""
_HELD = 0.2
"""Share of the examples on which they are measured, and which those students do not learn from."""
_STEEPEST, _FLATTEST = 1.0, 0.02
"""Powers of a learning curve that are believed."""


class ByLearningCurve(Chooser, kind="by-learning-curve"):
    """As many of each group as wins most: groups that learn fast, or err much, get more.

    Cai et al. (2022), adaptive sampling for equitable training sets, share a budget out among
    groups by their learning rates. Here a small student, a linear map of the frozen vectors, learns
    from a quarter, a half and all of the examples but for a fifth, on which its loss by group is
    measured; a group's loss is taken to fall as a n^-b. The budget goes, one by one, to whichever
    group it lowers the sum of losses^`fairness` of most, groups counting the same whatever their
    size. A reconstruction: the paper collects data as it goes. Within a group chance decides.

    >>> from negatives import tiny
    >>> from negatives.choose.learning_curves import ByLearningCurve
    >>> len(tiny.chosen(ByLearningCurve(count=4, groups=2)))
    4
    """

    by: Annotated[
        str, Meta(description="field of queries whose values are the groups; empty: clusters")
    ] = ""
    groups: Annotated[
        int, Meta(ge=1, description="clusters of queries, where no field is named")
    ] = 10
    fairness: Annotated[
        float,
        Meta(ge=1, description="1: the mean of groups counts; the higher, the more the worst"),
    ] = 2.0
    epochs: Annotated[int, Meta(ge=1, description="of the student")] = 2

    @property
    def needs(self) -> Needs:
        """The field that is named."""
        return Needs(queries=(self.by,)) if self.by else Needs()

    def choose(self, pool: Pool, count: int) -> tuple[Places, dict[str, Any]]:
        """What wins most first."""
        group, names = self._groups(pool)
        sizes, losses = self._measured(pool, group, len(names))
        level, power = curves(sizes, losses)
        drawn = pool.shuffled(f"{self.kind}/draw")
        drawn = drawn[np.argsort(group[drawn], kind="stable")]
        place = 1.0 + places_within(np.bincount(group, minlength=len(names))).astype(np.float64)
        value = np.empty(len(pool))
        value[drawn] = wins(level[group[drawn]], power[group[drawn]], place, self.fairness)
        chosen = pool.best(value, count)
        given = np.bincount(group[chosen], minlength=len(names))
        told = {
            name: {"chosen": int(given[at]), "power": round(float(power[at]), 3)}
            for at, name in enumerate(names[:20])
        }
        return chosen, {"groups": told}

    def _groups(self, pool: Pool) -> tuple[Places, list[str]]:
        """int64[n]: the group of each example, and what the groups are called."""
        if self.by and pool.query_field is not None:
            values = pool.query_field(self.by).cast(str).fill_null("")
            names = values.unique().sort().to_list()
            number = {name: at for at, name in enumerate(names)}
            return np.array([number[each] for each in values], np.int64), names
        queries, _ = pool.vectors()
        group = np.empty(len(pool), np.int64)
        order = pool.in_order
        group[order] = k_means(queries[order], self.groups, pool.seed, f"choose/{self.kind}")
        return group, [f"cluster {n + 1}" for n in range(int(group.max()) + 1)]

    def _measured(self, pool: Pool, group: Places, groups: int) -> tuple[Doubles, Doubles]:
        """float64[curve points, groups]: examples learned from, and the mean loss of those held."""
        held = pool.draw(f"{self.kind}/held") < _HELD
        learned = pool.shuffled(f"{self.kind}/learned", np.flatnonzero(~held))
        asked = pool.shuffled(f"{self.kind}/asked", np.flatnonzero(held))
        sizes, losses = np.empty((len(_SHARES), groups)), np.full((len(_SHARES), groups), np.nan)
        for point, share in enumerate(_SHARES):
            rows = learned[: round(share * len(learned))]
            student = taught(pool, pool.lists, self.epochs, self.kind, rows)
            found, _ = student.seen(pool.lists, asked)
            sizes[point] = np.bincount(group[rows], minlength=groups)
            count = np.bincount(group[asked], minlength=groups)
            sums = np.bincount(group[asked], weights=found, minlength=groups)
            np.divide(sums, count, out=losses[point], where=count > 0)
        return sizes, losses


def curves(sizes: Doubles, losses: Doubles) -> tuple[Doubles, Doubles]:
    """float64[groups] a and b of loss = a n^-b, from [points, groups]; by least squares of logs.

    A group that was not measured has the curve of all groups together.

    >>> import numpy as np
    >>> sizes = np.array([[10.0], [100.0], [1000.0]])
    >>> a, b = curves(sizes, 3 * sizes**-0.5)
    >>> a.round(6).tolist(), b.round(6).tolist()
    ([3.0], [0.5])
    """
    known = (losses > 0) & (sizes > 0)
    x, y = np.log(np.maximum(sizes, 1)), np.log(np.where(known, losses, 1.0))
    level, power = np.empty(losses.shape[1]), np.empty(losses.shape[1])
    whole = _line(x[known], y[known])
    for group in range(losses.shape[1]):
        own = known[:, group]
        level[group], power[group] = _line(x[own, group], y[own, group]) if own.sum() > 1 else whole
    return level, power


def wins(level: Doubles, power: Doubles, place: Doubles, fairness: float) -> Doubles:
    """float64[n]: by how much the example at each `place` (from 1) of its group lowers the sum.

    It falls with the place, so that the best ones are the greedy choice.

    >>> import numpy as np
    >>> wins(np.ones(3), np.ones(3), np.array([1.0, 2.0, 3.0]), 1.0).round(4).tolist()
    [0.5, 0.1667, 0.0833]
    """
    before, after = (level * n**-power for n in (place, place + 1))
    return np.asarray(before**fairness - after**fairness)


def _line(x: Doubles, y: Doubles) -> tuple[float, float]:
    """a and b of y = log a - b x; a flat curve where nothing tells."""
    if len(x) < 2 or x.std() == 0:
        return float(np.exp(y.mean())) if len(y) else 1.0, _FLATTEST
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
    power = min(max(-slope, _FLATTEST), _STEEPEST)
    return float(np.exp(y.mean() + power * x.mean())), power
