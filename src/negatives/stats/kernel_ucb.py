"""Choosing one of several arms for a context, by what each has earned in contexts like it.

    mean_a(x) = k_a(x)' (K_a + ridge I)^-1 r_a
    doubt_a(x)^2 = k(x, x) - k_a(x)' (K_a + ridge I)^-1 k_a(x)
    the arm taken: the highest mean + explore * doubt

K_a are kernels of the contexts in which arm a was taken and r_a what it earned there; every arm
learns by itself (Hu, Leung and Farnia, 2024: PAK-UCB). The kernel is Gaussian of unit vectors.
"""

from __future__ import annotations

import numpy as np

from negatives.arrays import Doubles, Places


class KernelUCB:
    """Arms 0 .. arms - 1, and what they have earned.

    >>> import numpy as np
    >>> bandit = KernelUCB(2, ridge=0.1, width=0.5)
    >>> here, there = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    >>> for arm, at, reward in ((0, here, 1.0), (1, here, 0.0), (0, there, 0.0), (1, there, 1.0)):
    ...     bandit.learn(np.array([arm]), at, np.array([reward]))
    >>> bandit.choose(np.concatenate([here, there])).tolist()
    [0, 1]
    """

    def __init__(self, arms: int, *, ridge: float, width: float) -> None:
        self.arms, self._ridge, self._width = arms, ridge, width
        self._at: list[Doubles | None] = [None] * arms
        self._earned: list[Doubles] = [np.empty(0)] * arms

    def learn(self, arm: Places, at: Doubles, reward: Doubles) -> None:
        """Each arm[i] was taken in the context at[i] and earned reward[i]."""
        for each in np.unique(arm).tolist():
            mine = arm == each
            before = self._at[each]
            self._at[each] = at[mine] if before is None else np.concatenate([before, at[mine]])
            self._earned[each] = np.concatenate([self._earned[each], reward[mine]])

    def bounds(self, at: Doubles, explore: float) -> Doubles:
        """float64[n, arms]: mean + explore * doubt in each context; 0 + explore of a new arm."""
        made = np.full((len(at), self.arms), explore)
        for arm, seen in enumerate(self._at):
            if seen is None:
                continue
            near = self._kernel(at, seen)
            inverse = np.linalg.inv(self._kernel(seen, seen) + self._ridge * np.eye(len(seen)))
            mean = near @ inverse @ self._earned[arm]
            doubt = np.sqrt(np.maximum(1 - ((near @ inverse) * near).sum(1), 0))
            made[:, arm] = mean + explore * doubt
        return made

    def choose(self, at: Doubles, explore: float = 0.0) -> Places:
        """int64[n]: the arm of each context, of equals the first."""
        return np.asarray(np.argmax(self.bounds(at, explore).round(9), axis=1), np.int64)

    def _kernel(self, one: Doubles, two: Doubles) -> Doubles:
        apart = np.maximum(2 - 2 * (one @ two.T), 0)
        return np.asarray(np.exp(-apart / (2 * self._width**2)))
