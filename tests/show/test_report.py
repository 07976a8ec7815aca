"""The page: whole, self-contained, safe to open, and honest where something is not known."""

from __future__ import annotations

import json
import re
import shutil
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from negatives.show import first_screen, headline, render, summarise, write_report
from negatives.show.render import TITLES
from negatives.show.summary import SECTIONS
from tests.build import collection, entered
from tests.show.made import HOSTILE, Page, mined, section, tiny


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> neg.Run:
    return mined(
        tmp_path_factory.mktemp("report") / "run",
        [neg.BM25(top=12), neg.Dense(top=12)],
        [neg.NearDuplicate()],
        neg.Top(per_query=5),
    )


@pytest.fixture(scope="module")
def html(run: neg.Run) -> str:
    return (run.path / "report.html").read_text("utf-8")


def page_of(run: neg.Run) -> Page:
    return Page((run.path / "report.html").read_text("utf-8"))


@pytest.mark.slow
def test_mining_leaves_both_files_and_the_json_is_the_summary(run: neg.Run) -> None:
    assert write_report(run) == run.path / "report.html"
    assert json.loads((run.path / "report.json").read_text("utf-8")) == summarise(run)


def test_the_first_screen_stands_alone_in_a_notebook(run: neg.Run) -> None:
    page = Page(first_screen(run))
    assert page.unbalanced == []
    assert page.named("script") == []
    assert not any("id" in attributes for _, attributes in page.tags)  # there may be several
    assert "body" not in page.styles[0]  # nothing of the notebook changes
    for said in ("Usable, with care", "Coverage", "False share", "Hardness", "Next"):
        assert said in page.text


def test_every_tag_is_closed_where_it_was_opened(html: str) -> None:
    page = Page(html)
    assert page.unbalanced == []
    assert page.open == []


def test_every_section_has_its_heading_and_a_link_to_it(html: str) -> None:
    page = Page(html)
    links = {link["href"] for link in page.named("a")}
    assert set(TITLES) == {*SECTIONS, "generated"}  # which only some runs have
    for name in SECTIONS:
        title = TITLES[name]
        assert f'<h2 id="{name}-heading">{title}</h2>' in html
        assert f"#{name}" in links


def test_nothing_is_fetched(html: str) -> None:
    page = Page(html)
    for tag, attributes in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed")
        for name in ("src", "href", "action", "srcset", "data", "poster"):
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
    assert not re.search(r"url\(|@import", "".join(page.styles))
    policies = [m for m in page.named("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    allowed = {
        f"{kind}-src": f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
        for kind, text in (("style", page.styles[0]), ("script", page.scripts[0]))
    }
    said = dict(part.split(" ", 1) for part in (policies[0]["content"] or "").split("; "))
    assert said == {
        "default-src": "'none'",
        **allowed,
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert not any("style" in attributes for _, attributes in page.tags)  # the policy allows none


def test_texts_of_the_corpus_are_shown_and_never_obeyed(html: str) -> None:
    page = Page(html)
    assert " ".join(HOSTILE.split()) in page.text
    assert html.count("<script") == html.count("</script>") == 1  # the page's own
    assert html.count("</style>") == 1
    assert "49" not in re.findall(r"</script> (\d+)", page.text)


def test_pictures_are_named_for_those_who_do_not_see_them(html: str) -> None:
    page = Page(html)
    pictures = [each for each in page.named("svg") if each.get("aria-hidden") != "true"]
    assert len(pictures) > 5
    for picture in pictures:
        assert picture["role"] == "img"
        assert picture["aria-label"]
    assert html.count("<desc>") == len(pictures)
    assert all(header.get("scope") in ("row", "col") for header in page.named("th"))


def test_ids_are_unique(html: str) -> None:
    ids = [attributes["id"] for _, attributes in Page(html).tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_it_says_that_p_relevant_was_not_estimated(run: neg.Run) -> None:
    assert "p_relevant: not estimated by this recipe" in page_of(run).text
    assert section(summarise(run), "relevance")["expected_share"] is None


def test_it_uses_p_relevant_once_there_is_one(run: neg.Run, tmp_path: Path) -> None:
    shutil.copytree(run.path, tmp_path / "run")
    estimate = (pl.col("doc_id").str.slice(1).cast(pl.Float32) / 20).alias("p_relevant")
    for path in [*(tmp_path / "run" / "candidates").iterdir(), tmp_path / "run/negatives.parquet"]:
        pl.read_parquet(path).with_columns(estimate).write_parquet(path)
    entered(tmp_path / "run")
    again = neg.Run(tmp_path / "run", collection=tiny())
    summary = summarise(again)
    likely = [pair["p_relevant"] for pair in section(summary, "pairs")["suspicious"]]
    assert section(summary, "pairs")["order"] == "p_relevant"
    assert likely == sorted(likely, reverse=True)
    relevance = section(summary, "relevance")
    expected = again.negatives["p_relevant"].cast(pl.Float64).mean()
    assert relevance["expected_share"] == pytest.approx(expected, rel=1e-5)
    assert "likeliest to be false (highest p_relevant" in Page(render(summary)).text


def test_random_candidates_alone_have_no_hardness(tmp_path: Path) -> None:
    run = mined(tmp_path / "run", [neg.Random(top=5)], pick=neg.RandomPick(per_query=3))
    page = page_of(run)
    assert "Hardness is unknown: no source of this recipe scores any pair" in page.text
    assert "no source of this recipe has an opinion about relevance" in page.text
    assert page.unbalanced == []


@pytest.mark.slow
def test_a_run_without_a_single_negative_has_a_report(tmp_path: Path) -> None:
    data = collection({"a": "wing", "b": "wing flow", "c": "flow"}, {"q": "wing"}, [("q", "a", 1)])
    run = neg.mine(
        data,
        tmp_path / "run",
        sources=[neg.BM25(top=3)],
        judges=[neg.AbsoluteScore(maximum=-1.0)],
        pick=neg.Top(per_query=2),
    )
    delivered = section(summarise(run), "delivered")
    assert (delivered["delivered"], delivered["coverage"], delivered["queries_none"]) == (0, 0.0, 1)
    page = page_of(run)
    assert page.unbalanced == []
    assert "There are no negatives to read" in page.text
    assert "nowhere: there are no negatives" in headline(summarise(run))


def test_without_its_texts_a_run_still_has_a_report_that_says_so(run: neg.Run) -> None:
    summary = summarise(neg.Run(run.path))
    pairs = section(summary, "pairs")
    assert not pairs["texts"]
    assert pairs["suspicious"][0]["negative"]["text"] is None
    page = Page(render(summary))
    assert "The texts are not at hand: the run was made from a collection in memory" in page.text
    assert page.unbalanced == []


def test_long_texts_and_ids_are_shortened(tmp_path: Path) -> None:
    long = "wing " * 2_000
    corpus = {"p": "wing", "n" * 500: long, "x" * 400 + "/y": "w" * 5_000}
    data = collection(corpus, {"q" * 300: "wing " * 500}, [("q" * 300, "p", 1)])
    run = neg.mine(data, tmp_path / "run", sources=[neg.BM25(top=3), neg.Random(top=3)])
    page = page_of(run)
    assert "10,000 characters in all" in page.text
    assert max(map(len, page.text.split())) < 800
    assert len((run.path / "report.html").read_bytes()) < 100_000


def test_a_section_without_a_template_is_shown_as_a_table(run: neg.Run) -> None:
    summary = summarise(run)
    summary["sections"]["reviewers"] = {"kappa": 0.123}
    page = Page(render(summary))
    assert "Reviewers" in page.text
    assert "kappa" in page.text
    assert "0.123" in page.text


@pytest.mark.slow
def test_many_sources_queries_and_rules_keep_the_page_small(tmp_path: Path) -> None:
    sources = [neg.BM25(top=30, name=f"bm25-{b}", b=b / 10) for b in range(10)]
    run = neg.mine("cranfield", tmp_path / "run", sources=sources, pick=neg.Top(per_query=30))
    assert len((run.path / "report.html").read_bytes()) < 1_000_000
    assert len(section(summarise(run), "delivered")["distribution"]) <= 25


@pytest.mark.slow
def test_the_headline_says_what_was_found_in_a_dozen_lines(tmp_path: Path) -> None:
    run = mined(tmp_path / "run", judges=[neg.PercentOfPositive(percent=0.5)])
    lines = headline(summarise(run)).splitlines()
    assert lines[0].startswith("made (train): ")
    assert "negatives, coverage" in lines[0]
    assert any("fix" in line and "percent-of-positive" in line for line in lines)
    assert any(line.split()[0] == "hardness" and "median" in line for line in lines)
    assert 6 <= len(lines) <= 14


def test_items_are_shown_by_their_names_and_else_by_their_ids(tmp_path: Path) -> None:
    (tmp_path / "plays").mkdir()
    rows = "".join(f"{user},i{item}\n" for user in range(6) for item in (user, user + 1))
    (tmp_path / "plays/train.csv").write_text(f"user,item\n{rows}")
    for named in (False, True):
        if named:
            (tmp_path / "plays/items.csv").write_text("item_id,title\ni0,Alien\ni1,Brazil\n")
        run = neg.mine(
            tmp_path / "plays", tmp_path / f"run-{named}", sources=[neg.Random(top=5)],
            pick=neg.RandomPick(per_query=2),
        )  # fmt: skip
        html = (run.path / "report.html").read_text("utf-8")
        assert "not at hand" not in html
        assert "Words shared with the query" not in html
        assert ("Alien" in html) == named
        assert ("no texts and no names, so their ids are shown" in html) != named


def test_the_headline_has_six_warnings_and_counts_the_rest(tmp_path: Path) -> None:
    summary = summarise(mined(tmp_path / "run", [neg.Random(top=5)]))
    for count, said in (
        (6, []),
        (7, ["1 more warning in the report"]),
        (8, ["2 more warnings in the report"]),
    ):
        summary["warnings"] = [f"warning {at}" for at in range(count)]
        lines = headline(summary).splitlines()
        assert sum("warning " in line and line.split()[0] == "warning" for line in lines) == 6
        assert [line.strip() for line in lines if "in the report" in line] == said, count


def test_the_headline_of_a_run_without_scores_does_not_pretend(tmp_path: Path) -> None:
    run = mined(tmp_path / "run", [neg.Random(top=5)], pick=neg.RandomPick(per_query=3))
    assert "hardness    unknown" in headline(summarise(run))
