"""The pages in a real browser: the answer within ten seconds, on a telephone too, for everybody."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import negatives as neg
from negatives.show.against import write_against
from negatives.show.comparison import comparison_page
from tests.show.made import compared, mined

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="chromium is not installed"),
]
FOLD = 700
"""Pixels that are seen without scrolling."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> neg.Run:
    """Cranfield, with everything that a report can have: an estimate, rejections, a shortfall."""
    folder = tmp_path_factory.mktemp("browser")
    with contextlib.chdir(folder):  # its commands name it as it is named here
        neg.mine(
            "cranfield",
            "run of mine",
            sources=[neg.BM25(top=30), neg.Dense(top=30), neg.Fused(top=30), neg.Random(top=5)],
            judges=[neg.Known(), neg.NearDuplicate(threshold=0.2)],
            estimate=neg.Evidence(words=False),
            pick=neg.RiskLimited(per_query=5),
        )
    return neg.Run(folder / "run of mine")


@pytest.fixture(scope="module")
def pages(run: neg.Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A report, two runs side by side, and a comparison of trainings."""
    folder = tmp_path_factory.mktemp("pages")
    one = mined(folder / "one", pick=neg.Top(per_query=2))
    two = mined(folder / "two", pick=neg.Top(per_query=4))
    comparison = folder / "compare.html"
    comparison.write_text(comparison_page(compared()), "utf-8")
    return {
        "report": run.path / "report.html",
        "against": write_against(one, two)[0],
        "compare": comparison,
    }


class Opened:
    """A page in a window of its own; `complaints` is what it wrote to the console."""

    def __init__(self, browser: Any, path: Path, width: int, **options: Any) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._asked)
        self.page.goto(path.as_uri())

    def _asked(self, request: Any) -> None:
        if not request.url.startswith("file:") or not request.url.endswith(".html"):
            self.complaints.append(f"asked for {request.url}")

    def __enter__(self) -> Any:
        return self.page

    def __exit__(self, *_: object) -> None:
        self.context.close()
        assert self.complaints == []


@pytest.mark.parametrize("width", [1400, 400])
def test_the_answer_is_there_in_the_first_ten_seconds(
    browser: Any, pages: dict[str, Path], width: int
) -> None:
    with Opened(browser, pages["report"], width) as page:
        for what in (".verdict", ".why", ".coverage .big", ".false .big", ".hardness .big",
                     ".command >> nth=0"):  # fmt: skip
            box = page.locator(f".first {what}").bounding_box()
            assert box["y"] + box["height"] <= FOLD, what
        assert page.locator(".first .verdict").inner_text().strip()
        assert page.locator(".first .command").first.inner_text().startswith("negatives ")


def test_pairs_are_searched_filtered_and_turned_page_by_page(
    browser: Any, pages: dict[str, Path]
) -> None:
    shown = ".pair:not([hidden])"
    with Opened(browser, pages["report"], 1280) as page:
        everything = page.locator(".pair").count()
        assert everything > 50 > page.locator(shown).count()
        told, chosen = page.locator(".pager span"), page.locator(".filters")
        assert told.inner_text() == f"1 to 12 of {everything} pairs"
        page.get_by_role("button", name="More").click()
        assert told.inner_text() == f"13 to 24 of {everything} pairs"
        chosen.get_by_label("List").select_option("rejected")
        assert all(
            row.get_attribute("data-list") == "rejected" for row in page.locator(shown).all()
        )
        chosen.get_by_label("Rule").select_option("near-duplicate")
        assert {row.get_attribute("data-rule") for row in page.locator(shown).all()} == {
            "near-duplicate"
        }
        for label in ("List", "Rule"):
            chosen.get_by_label(label).select_option("")
        chosen.get_by_label("Hardness from").fill("1.5")
        assert page.locator(shown).count()
        for row in page.locator(shown).all():
            assert float(row.get_attribute("data-hardness")) >= 1.5
        chosen.get_by_label("Search").fill("no such words anywhere")
        assert told.inner_text() == "no pair is like that"


def test_without_a_script_fifty_pairs_are_there(browser: Any, pages: dict[str, Path]) -> None:
    with Opened(browser, pages["report"], 1280, java_script_enabled=False) as page:
        assert page.locator(".pair").count() == 50
        assert page.locator(".pair[open] .side").count() >= 2
        assert not page.locator(".filters").is_visible()
        assert "The first 50 of" in page.locator("noscript").inner_text()


@pytest.mark.parametrize("name", ["report", "against", "compare"])
def test_nothing_overflows_and_everybody_can_read_it(
    browser: Any, pages: dict[str, Path], name: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for width, scheme in ((320, "light"), (400, "dark"), (1280, "light"), (1400, "dark")):
        with Opened(browser, pages[name], width, color_scheme=scheme) as page:
            page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
            wide, there = page.evaluate(
                "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
            )
            assert wide == there, (name, width)
            if width in (400, 1280):
                found = axe.run(page).response["violations"]
                serious = [
                    (each["id"], each["nodes"][0]["html"][:200])
                    for each in found
                    if each["impact"] in ("serious", "critical")
                ]
                assert serious == [], (name, width)
