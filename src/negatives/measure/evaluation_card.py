"""What an evaluation says of itself: each metric with its interval."""

from __future__ import annotations

from typing import Any

from negatives.card import Card, Showing


class EvaluationShown(Showing):
    """The short form of an evaluation, and its card."""

    __slots__ = ()
    figures: dict[str, Any]

    def __repr__(self) -> str:
        told = ", ".join(f"{name} {_value(row)}" for name, row in self._metrics.items())
        figures = self.figures
        return (
            f"Evaluation({figures['model']!r} on {figures['data']!r}, "
            f"{figures['queries']:,} queries: {told})"
        )

    def card(self) -> Card:
        """What it says to a person."""
        figures = self.figures
        rows = [(name, _told(row)) for name, row in self._metrics.items()]
        rows += [("note", note) for note in figures["notes"]]
        sure = f"{100 * figures['confidence']:.4g}% intervals"
        title = f"{figures['model']} on {figures['data']}: {figures['queries']:,} queries, {sure}"
        return Card(title, tuple(rows))

    @property
    def _metrics(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.figures["metrics"]
        return found


def _value(row: dict[str, Any]) -> str:
    return f"{row['value']:,}" if isinstance(row["value"], int) else f"{row['value']:.3f}"


def _told(row: dict[str, Any]) -> str:
    if isinstance(row["value"], int) or row["low"] is None:
        return _value(row)
    return f"{_value(row)}, {row['low']:.3f} to {row['high']:.3f}"
