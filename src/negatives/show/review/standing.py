"""How far a review has come, in figures and in words: the bound, what was won, who agrees."""

from __future__ import annotations

from itertools import combinations
from typing import Any, Final

from negatives.measure.agreement import cohen_kappa, krippendorff_alpha
from negatives.run.outlook import Prospect
from negatives.run.reviews import GRADES, Order
from negatives.show.review.desk import Desk, Sample
from negatives.show.review.forecast import Forecast
from negatives.stats.bounds import upper_bound
from negatives.wording import count, percent

ENOUGH: Final = {"active": 60, "random": 100}
"""Verdicts after which more change little in each order."""
PROMISE: Final = 40
"""Verdicts from which on the label rate is no guess, where queries have one known positive each."""


def headway(
    desk: Desk, forecast: Forecast, reviewer: str, order: Order, confidence: float
) -> dict[str, Any]:
    """What the page says beside the pair."""
    sample = desk.sample()
    mine = desk.done(reviewer)
    judged = sum(1 for given in desk.verdicts.values() if given)
    done = sample.judged + sample.unsure if order == "random" else judged - _only_random(desk)
    return {
        "mine": mine,
        "judged": judged,
        "reviewers": len(desk.reviewers),
        "done": done,
        "enough": ENOUGH[order or "active"],
        "bound": bound(sample, confidence),
        "won": won(forecast.before, forecast.now),
        "behind": forecast.behind,
    }


def _only_random(desk: Desk) -> int:
    """Pairs that were judged in random order alone."""
    return sum(
        bool(given) and all(each.order == "random" for each in given.values())
        for given in desk.verdicts.values()
    )


def bound(sample: Sample, confidence: float) -> str:
    """What the random sample proves."""
    if not sample.judged:
        return "No negative has been judged in random order yet, so nothing is proved of them."
    high = upper_bound(sample.relevant, sample.judged, confidence)
    said = (
        f"After {count(sample.judged)} in random order: at most {percent(high)} of the negatives "
        f"are false, with {confidence:.0%} confidence ({sample.relevant} found relevant)."
    )
    if sample.unsure:
        said += f" {count(sample.unsure)} that nobody could tell are left out."
    return said


def won(before: Prospect | None, now: Prospect | None) -> str:
    """What the verdicts change of what can be picked."""
    if before is None or now is None:
        return "Finding out what the verdicts change …"
    if now.asked is None:
        return _without_share(before, now)
    share = percent(now.asked)
    if now.basis == "guess":
        left = max(PROMISE - now.verdicts, 1)
        more = f"{left} more verdicts make" if left > 1 else "one more verdict makes"
        return (
            f"Labels do not tell how many relevant documents are unlabelled, so at most {share} "
            f"false cannot be promised yet: {more} it possible."
        )
    if not now.promised:
        return (
            f"At most {share} false cannot be promised: the safest choice still has "
            f"{percent(now.expected)}. Ask for fewer negatives a query."
        )
    if not now.verdicts:
        return f"At most {share} false is promised by the labels alone, before any verdict."
    if before.basis == "guess":
        begin = f"At most {share} false can be promised now, which labels alone could not"
    else:
        begin = f"At most {share} false is promised"
    return f"{begin}. At that share negatives are {_harder(before, now)}."


def _without_share(before: Prospect, now: Prospect) -> str:
    if now.expected is None or before.expected is None:
        return "This run has no p_relevant, so verdicts change only the pairs they are of."
    return (
        f"Of what would be picked {percent(now.expected)} are expected to be false "
        f"({percent(before.expected)} before the verdicts)."
    )


def _harder(before: Prospect, now: Prospect) -> str:
    if before.hardness is None or now.hardness is None:
        return "not measured by hardness in this run"
    gain = now.hardness - before.hardness
    if abs(gain) < 0.005:
        return "as hard as before the verdicts"
    word = "harder" if gain > 0 else "easier"
    return f"{abs(gain):.2f} {word} than by the labels alone"


def agreed(desk: Desk) -> dict[str, Any] | None:
    """How far reviewers agree on whether pairs are relevant; None where no two judged the same."""
    said = [
        {name: GRADES[each.verdict] > 0 for name, each in given.items() if each.verdict in GRADES}
        for given in desk.verdicts.values()
    ]
    both = [each for each in said if len(each) > 1]
    if not both:
        return None
    names = sorted({name for each in both for name in each})
    pairs = [
        {
            "first": first,
            "second": second,
            "pairs": sum(first in each and second in each for each in both),
            "kappa": cohen_kappa(both, first, second),
        }
        for first, second in combinations(names, 2)
    ]
    return {
        "pairs": len(both),
        "alpha": krippendorff_alpha(both),
        "by": [each for each in pairs if each["pairs"]],
    }
