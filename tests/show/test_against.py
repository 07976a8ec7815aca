"""Two runs side by side: one sentence, the figures of both, what changed; never two collections."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import negatives as neg
from negatives.errors import InputError
from negatives.show.against import against, against_page, in_words
from tests.build import collection
from tests.cli.commands import negatives
from tests.show.made import Page, mined


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[neg.Run, neg.Run]:
    folder = tmp_path_factory.mktemp("against")
    one = mined(folder / "one", [neg.BM25(top=12)], pick=neg.Top(per_query=4))
    two = mined(folder / "two", [neg.BM25(top=12)], pick=neg.Top(per_query=2))
    return one, two


def test_what_is_told_is_that_of_the_two_runs(runs: tuple[neg.Run, neg.Run]) -> None:
    one, two = runs
    figures = against(one, two)
    pairs = [set(run.negatives.select("query_id", "doc_id").iter_rows()) for run in runs]
    counts = figures["difference"]["negatives"]
    assert counts["both"] == len(pairs[0] & pairs[1])
    assert counts["only_first"] == len(pairs[0] - pairs[1])
    assert counts["only_second"] == len(pairs[1] - pairs[0])
    assert figures["answers"]["first"]["figures"]["coverage"]["delivered"] == len(one.negatives)
    html = against_page(figures)
    page = Page(html)
    assert page.unbalanced == []
    assert page.named("script") == []
    assert "<script" not in html
    assert html.count("</style>") == 1
    assert f"First only {counts['only_first']}" in page.text


def test_the_command_writes_a_page_and_its_figures(runs: tuple[neg.Run, neg.Run]) -> None:
    one, two = runs
    done = negatives("report", one.path, "--against", two.path)
    assert done.returncode == 0
    page = one.path / "against-two.html"
    figures = json.loads(page.with_suffix(".json").read_text("utf-8"))
    assert done.stdout.splitlines() == [figures["sentence"], f"  {page}"]
    assert "of the first run's negatives are the second's too." in done.stdout
    neg.Run(one.path)  # a page more does no harm


def test_runs_of_two_collections_are_refused(runs: tuple[neg.Run, neg.Run], tmp_path: Path) -> None:
    data = collection({"a": "wing", "b": "wing flow", "c": "flow"}, {"q": "wing"}, [("q", "a", 1)])
    other = neg.mine(data, tmp_path / "other", sources=[neg.Random(top=2)])
    with pytest.raises(InputError, match=r"not of one collection: they differ in .*corpus"):
        against(runs[0], other)
    done = negatives("report", runs[0].path, "--against", other.path)
    assert done.returncode == 2
    assert not (runs[0].path / "against-other.html").exists()


def test_one_sentence_says_how_the_second_differs() -> None:
    def answer(coverage: float, false: float | None, hardness: float | None) -> dict[str, Any]:
        values = {"coverage": coverage, "false_share": false, "hardness": hardness}
        return {"figures": {name: {"value": value} for name, value in values.items()}}

    counts = {"both": 60, "only_first": 40, "only_second": 40}
    for first, second, comparable, said in (
        (answer(1, 0.05, 1.0), answer(1, 0.01, 0.5), True,
         "easier by 0.500, expected to be 1.0% false in place of 5.0%; 60.0% of"),
        (answer(1, None, 1.0), answer(0.5, None, 1.5), True,
         "harder by 0.500, at coverage 50.0% in place of 100%"),
        (answer(1, 0.05, 1.0), answer(1, 0.05, 1.0), True, "about as hard"),
        (answer(1, 0.05, 1.0), answer(1, 0.05, 9.0), False, "hardness cannot be compared"),
    ):  # fmt: skip
        found = {"negatives": counts, "comparable": comparable}
        assert said in in_words(first, second, found)
    same = {"negatives": {"both": 9, "only_first": 0, "only_second": 0}, "comparable": True}
    assert in_words(answer(1, 0, 1), answer(1, 0, 1), same).endswith("chose the same negatives.")
