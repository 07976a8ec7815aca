"""What asking a language model would cost, or has cost, in words and figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from negatives.events import Emit, Event
    from negatives.opening import Foreseen


def calls_and_tokens(cost: Foreseen) -> str:
    """The calls that are still to be made, and their tokens and price, where these are known."""
    calls = f"{cost.calls:,} calls"
    if not cost.read:
        return calls
    money = "" if cost.money is None else f", {cost.money:,.4g} in the unit of the price"
    return f"{calls}, some {cost.read:,} tokens read and {cost.written:,} at most written{money}"


def tell_cost(cost: Foreseen, how: Mapping[str, Any], *, json: bool) -> None:
    """Print what asking would cost; for machines with the settings `how`."""
    from negatives.cli.streams import print_json

    if json:
        print_json({**how, "calls": cost.calls} | asdict(cost))
        return
    known = f", {cost.known:,} of them known already" if cost.known else ""
    print(f"would ask {cost.asked:,} questions{known}: {calls_and_tokens(cost)}")


class Costs:
    """Adds up what is spent, and what generators count of their replies."""

    def __init__(self) -> None:
        self.calls = self.tokens = 0
        self.money = 0.0
        self.counted: dict[str, Counter[str]] = {}

    def heard(self, emit: Emit) -> Emit:
        """A listener that adds up what it hears, and passes it on."""
        from negatives.events import Counted, Spent

        def hear(event: Event) -> None:
            if isinstance(event, Spent):
                self.calls += event.calls
                self.tokens += event.tokens
                self.money += event.money
            elif isinstance(event, Counted) and event.name.startswith("make "):
                kept = self.counted.setdefault(event.name.removeprefix("make "), Counter())
                kept.update({name: int(value) for name, value in event.figures.items()})
            emit(event)

        return hear

    def figures(self) -> dict[str, Any]:
        """For machines: nothing where no model was asked."""
        if not self.counted:
            return {}
        cost = {"calls": self.calls, "tokens": self.tokens, "money": self.money}
        return {"cost": cost, "replies": {name: dict(each) for name, each in self.counted.items()}}

    def lines(self) -> Iterator[str]:
        """For people: a line for each generator that asked a model, and one for the bill."""
        for name, counts in self.counted.items():
            unknown = f", {counts['unknown']:,} cannot be read" if counts["unknown"] else ""
            dropped = {k: n for k, n in counts.most_common() if k.startswith("dropped: ")}
            line = f"{name}: {counts['asked']:,} replies{unknown}"
            if dropped:
                why = ", ".join(f"{n:,} {k.removeprefix('dropped: ')}" for k, n in dropped.items())
                line += f"; {sum(dropped.values()):,} dropped: {why}"
            yield line
        if self.counted:
            money = f", {self.money:,.4g} in the unit of the price" if self.money else ""
            yield f"{self.calls:,} calls, {self.tokens:,} tokens{money}"
