"""The page of a review in a real browser: judged by keys, undone, left and come back to."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import negatives as neg
from negatives.run.reviews import REVIEWS, read_lines, standing
from tests.show.review.conftest import LOST
from tests.show.review.served import TOKEN, killable, served

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page whose console must stay silent."""
    context = browser.new_context(viewport={"width": 1200, "height": 850})
    opened, said = context.new_page(), []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    yield opened
    context.close()
    assert [each for each in said if "net::ERR" not in each] == []


def shown(page: Any) -> str:
    """The name of the pair on the page."""
    found: str = page.locator("input[name=pair]").input_value()
    return found


def heard(page: Any, focused: str = "body, main") -> Any:
    """The keyboard of a page that hears it.

    A browser drops keys until a new page is painted, and gives the focus no sooner than that.
    """
    page.wait_for_load_state("load")
    page.wait_for_function(
        """wanted => performance.getEntriesByName('first-contentful-paint').length > 0
        && document.activeElement.matches(wanted)""",
        arg=focused,
    )
    return page.keyboard


def press(page: Any, key: str) -> None:
    """Press a key and wait for the next pair."""
    keyboard = heard(page)
    before = shown(page)
    keyboard.press(key)
    page.wait_for_function(
        "name => document.querySelector('input[name=pair]').value !== name", arg=before
    )


def test_ten_pairs_are_judged_by_keys_and_outlive_the_server(
    page: Any, mined_once: neg.Run, run: neg.Run
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with killable(run.path, port) as (process, url):
        page.goto(url)
        assert "token" not in page.url
        heard(page, "#name").press("Enter")  # the name that is offered
        page.wait_for_selector("#pair")
        for key in "1233334333":
            press(page, key)
        judged = shown(page)
        press(page, "u")
        undone = shown(page)
        page.reload()
        assert shown(page) == undone
        heard(page).press("n")
        page.keyboard.type("in doubt: 3 or 4?")  # keys in a note judge nothing
        page.keyboard.press("Enter")
        press(page, "4")
        assert shown(page) == judged
        assert page.locator(".count b").inner_text() == "10"
        process.kill()
        process.wait()
        page.keyboard.press("1")
        page.wait_for_selector("#problem:has-text('not written')")
    lines = [json.loads(each) for each in (run.path / REVIEWS).read_text("utf-8").splitlines()]
    assert [each["verdict"] for each in lines] == [
        "relevant", "partly", "not", "not", "not", "not", "unsure", "not", "not", "not",
        "retracted", "unsure",
    ]  # fmt: skip
    assert lines[-1]["note"] == "in doubt: 3 or 4?"
    with killable(run.path, port) as (_, url):
        page.goto(url)
        heard(page, "#name").press("Enter")
        page.wait_for_selector("#pair")
        assert page.locator(".count b").inner_text() == "10"
        press(page, "3")
    assert len(standing(read_lines(run.path))) == 11


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
def test_every_page_fits_and_axe_finds_nothing_serious(
    browser: Any, run: neg.Run, width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(
        viewport={"width": width, "height": 850}, color_scheme=scheme, bypass_csp=True
    )
    opened = context.new_page()
    with served(run) as ann:
        opened.goto(f"http://127.0.0.1:{ann.port}/?token={TOKEN}")
        for step in ("start", "/judge", "/guideline", "/summary"):
            if step == "/judge":
                opened.fill("#name", "ann")
                opened.click("text=Start")
                opened.wait_for_selector("#pair")
            elif step != "start":
                opened.goto(f"http://127.0.0.1:{ann.port}{step}")
            found = axe.run(opened).response["violations"]
            assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []
            root = "document.documentElement"
            assert opened.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"), step
    context.close()


def test_the_bound_is_read_out_and_buttons_work_without_a_script(
    browser: Any, run: neg.Run
) -> None:
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    with served(run, order="random") as ann:
        opened.goto(f"http://127.0.0.1:{ann.port}/?token={TOKEN}")
        opened.fill("#name", "ann")
        opened.click("text=Start")
        for _ in range(2):
            opened.click("text=Not relevant")
        live = opened.locator("[aria-live=polite]:has(#bound)")
        assert "After 2 in random order: at most 77.6%" in live.inner_text()
        opened.click("text=Undo")
        assert "After 1 in random order" in live.inner_text()
    context.close()
    assert len(standing(read_lines(run.path))) == 1


def test_harmful_texts_change_nothing_and_long_ones_unfold(page: Any, harmful: neg.Run) -> None:
    with served(harmful, order="random", twice=0) as ann:
        page.goto(f"http://127.0.0.1:{ann.port}/?token={TOKEN}")
        page.fill("#name", "<script>")
        page.click("text=Start")
        unfolded = False
        for _ in range(17):  # every pair but the last one
            page.wait_for_selector("#pair")
            assert page.title().startswith("Judge")
            assert page.locator("main img, main script").count() == 0
            more = page.locator(".candidate a.more")
            if more.count():
                before = len(page.locator(".candidate .text").inner_text())
                more.click()
                page.wait_for_selector(".candidate .piece")
                unfolded = len(page.locator(".candidate .text").inner_text()) > before + 10_000
            press(page, "s")
        assert unfolded


def test_images_are_seen_and_have_their_path_for_a_text(page: Any, pictured: neg.Run) -> None:
    with served(pictured, order="random", twice=0) as ann:
        page.goto(f"http://127.0.0.1:{ann.port}/?token={TOKEN}")
        page.fill("#name", "ann")
        page.click("text=Start")
        page.wait_for_selector("#pair")
        image = page.locator(".candidate img.picture")
        assert image.count() == 1
        name = page.locator(".candidate .id").inner_text()
        assert image.get_attribute("alt") == name  # an image is called by its path
        loaded = "each => each.complete && each.naturalWidth"
        page.wait_for_function("document.querySelector('.candidate img').complete")
        if LOST not in name:
            assert image.evaluate(loaded) == 48
        assert page.locator(".known img.picture").count() >= 1
        assert page.locator(".query img").count() == 0  # a caption is text
        before = image.get_attribute("src")
        press(page, "3")
        assert image.get_attribute("src") != before
        page.goto(f"http://127.0.0.1:{ann.port}/guideline")
        assert page.locator(".grade img.picture").count() == 3
