"""How figures are written: thousands separated, three significant digits, one minus sign."""

from __future__ import annotations

import math

MISSING = "–"


def count(value: int | None) -> str:
    """12,345."""
    return MISSING if value is None else f"{value:,}"


def plural(number: int, one: str, many: str = "") -> str:
    """`1 query`, `2,000 queries`: with `many` where it is not made by an s."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def figure(value: float | None) -> str:
    """Three significant digits: 0.0123, 1.23, 123, 12,300, 1.23e+12."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(float(f"{value:.3g}"))))
    if not -4 <= magnitude < 9:
        return f"{value:.2e}".replace("-", "−")
    return f"{float(f'{value:.3g}'):,.{max(0, 2 - magnitude)}f}".replace("-", "−")


def percent(share: float | None) -> str:
    """80.9%; 100% and 0% only where they are exact."""
    if share is None or not math.isfinite(share):
        return MISSING
    if share in (0, 1):
        return f"{abs(share):.0%}"
    if 0.9995 <= share < 1:
        return "> 99.9%"
    if 0 < share < 0.0005:
        return "< 0.1%"
    return f"{100 * share:.1f}%".replace("-", "−")


def asked_share(share: float) -> str:
    """A share as somebody asked for it: 5%, 0.2%."""
    share = abs(share) if share == 0 else share
    return f"{100 * share:.3g}%"


def correlation(value: float | None) -> str:
    """Two decimals: −0.38."""
    return MISSING if value is None else f"{value:.2f}".replace("-", "−")


def seconds(value: float | None) -> str:
    """12 ms, 1.23 s, 4 min 05 s, 2 h 03 min."""
    if value is None:
        return MISSING
    if value < 0.9995:
        return f"{1000 * value:.0f} ms" if value >= 0.001 else "< 1 ms"
    if value < 99.95:
        return f"{figure(value)} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60:02} min"


def megabytes(value: float | None) -> str:
    """123 MB, 1.23 GB."""
    if value is None:
        return MISSING
    return f"{value:.0f} MB" if value < 999.5 else f"{figure(value / 1024)} GB"
