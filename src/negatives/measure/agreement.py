"""How far several reviewers agree beyond chance, where they have judged the same pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

Ratings = Sequence[Mapping[str, Hashable]]
"""For each thing that was rated, what each rater said of it."""


def cohen_kappa(ratings: Ratings, first: str, second: str) -> float | None:
    """Agreement of two raters beyond chance (Cohen, 1960): 1 always, 0 as chance would have it.

    None where they have rated nothing in common, or one word for everything: then chance agrees
    always, and nothing is beyond it.

    >>> both = [{"ann": 1, "bob": 1}, {"ann": 0, "bob": 0}, {"ann": 1, "bob": 0}, {"ann": 0}]
    >>> round(cohen_kappa(both, "ann", "bob"), 2)
    0.4
    """
    pairs = [(each[first], each[second]) for each in ratings if first in each and second in each]
    if not pairs:
        return None
    ours, theirs = (Counter(said) for said in zip(*pairs, strict=True))
    chance = sum(ours[word] * theirs[word] for word in ours) / len(pairs) ** 2
    agreed = sum(one == other for one, other in pairs) / len(pairs)
    return None if chance == 1 else (agreed - chance) / (1 - chance)


def krippendorff_alpha(ratings: Ratings) -> float | None:
    """Agreement of any number of raters beyond chance, of words without an order (nominal).

    Krippendorff (2011), from the coincidences of words within each thing that two or more have
    rated. None where there is no such thing, or only one word was ever used.

    >>> round(krippendorff_alpha([{"a": 1, "b": 1}, {"a": 0, "b": 0}, {"a": 1, "b": 0}]), 3)
    0.444
    """
    weights: dict[tuple[Hashable, Hashable], float] = {}
    for each in ratings:
        words = list(each.values())
        if len(words) < 2:
            continue
        for place, one in enumerate(words):
            for other_place, other in enumerate(words):
                if place != other_place:
                    weights[one, other] = weights.get((one, other), 0.0) + 1 / (len(words) - 1)
    totals: dict[Hashable, float] = {}
    for (one, _), weight in weights.items():
        totals[one] = totals.get(one, 0.0) + weight
    number = sum(totals.values())
    expected = number**2 - sum(total**2 for total in totals.values())
    if not expected:
        return None
    differing = sum(weight for (one, other), weight in weights.items() if one != other)
    return 1 - (number - 1) * differing / expected
