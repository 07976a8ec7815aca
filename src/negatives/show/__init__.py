"""Reports: a run summarised to plain values, then rendered. Nothing here changes a run's data."""

from negatives.show.difference import Difference, difference
from negatives.show.first_screen import first_screen
from negatives.show.headline import headline, run_card
from negatives.show.render import render
from negatives.show.summary import Summary, summarise
from negatives.show.writing import HTML, JSON, figures_of, report, reported, write_report

__all__ = [
    "HTML",
    "JSON",
    "Difference",
    "Summary",
    "difference",
    "figures_of",
    "first_screen",
    "headline",
    "render",
    "report",
    "reported",
    "run_card",
    "summarise",
    "write_report",
]
