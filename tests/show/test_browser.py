"""The page in a real browser: it fits a phone, and the console stays silent."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import escape
from pathlib import Path

import pytest

import negatives as neg

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom",
)  # fmt: skip

MEASURE = """<!doctype html><title>none</title>
<iframe id="page" style="border:0" width="{width}" height="844" srcdoc="{page}"></iframe>
<script>page.onload = () => {{
  const root = page.contentDocument.documentElement;
  page.contentDocument.querySelectorAll("details").forEach(each => each.open = true);
  document.title = root.scrollWidth + " of " + root.clientWidth;
}}</script>"""


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_overflows_and_the_console_is_silent(width: int, tmp_path: Path) -> None:
    run = neg.mine(
        "cranfield",
        tmp_path / "run",
        sources=[neg.BM25(top=30), neg.Dense(top=30), neg.Fused(top=30), neg.Random(top=5)],
        judges=[neg.PercentOfPositive(percent=0.9)],
    )
    framed = tmp_path / "framed.html"
    html = (run.path / "report.html").read_text("utf-8")
    framed.write_text(MEASURE.format(width=width, page=escape(html)), "utf-8")
    shown = subprocess.run(
        [str(BROWSER), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", framed.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    title = re.search(r"<title>(\d+) of (\d+)</title>", shown.stdout)
    assert title is not None, shown.stdout[:500]
    assert title[1] == title[2]
    assert "CONSOLE" not in shown.stderr
