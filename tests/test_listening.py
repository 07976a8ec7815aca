"""What the library tells by itself: warnings of its own class, progress where somebody watches."""

from __future__ import annotations

import io
import sys
import warnings
from pathlib import Path

import pytest

import negatives as neg
from negatives import tiny
from negatives.events import Emit, Event, Progress, Warned
from negatives.listening import VARIABLE, NotebookBars, shown, watched


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@watched
def work(*, emit: Emit = shown) -> int:
    """A piece of work that tells of itself."""
    emit(Progress("count", 0, 3, "sheep"))
    emit(Warned("one of them is \x1b[31mblack"))
    emit(Progress("count", 3, 3, "sheep"))
    return 3


def mined(out: Path) -> neg.Run:
    return neg.mine(tiny.collection(), out, sources=[neg.BM25(top=4)], pick=neg.Top(per_query=2))


def test_a_warning_is_one_of_python_that_points_at_the_line_of_the_user(tmp_path: Path) -> None:
    with pytest.warns(neg.NegativesWarning, match="p_relevant is null") as told:
        mined(tmp_path / "run")
    assert {warning.filename for warning in told} == {__file__}
    assert issubclass(neg.NegativesWarning, UserWarning)
    with pytest.warns(neg.NegativesWarning) as steered:
        work()
    assert str(steered[0].message) == "one of them is \\u001b[31mblack"


def test_nothing_is_printed_where_nobody_watches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = mined(tmp_path / "run")
    run.repick(neg.Top(per_query=1))
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_bars_until_it_is_told_not_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def seen() -> str:
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", neg.NegativesWarning)
            assert work() == 3
        return stream.getvalue()

    assert "count" in seen()
    assert "3/3" in seen()
    neg.show_progress(False)
    assert seen() == ""
    neg.show_progress()
    assert "count" in seen()
    monkeypatch.setenv(VARIABLE, "0")
    assert seen() == ""


def test_a_listener_of_ones_own_hears_everything_and_a_silent_one_silences(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    heard: list[Event] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        work(emit=heard.append)
        work(emit=neg.silent)
    assert [type(event) for event in heard] == [Progress, Warned, Progress]
    assert stream.getvalue() == ""


def test_bars_of_a_notebook_are_a_table_and_lines() -> None:
    bars = NotebookBars()
    bars._stages["<b>"] = Progress("<b>", 5, 10, "queries"), 0.0, 1.0
    assert repr(bars) == "<b>: 5 of 10 queries"
    assert "&lt;b&gt;" in bars._repr_html_()
    assert '<progress value="5" max="10">' in bars._repr_html_()
