"""Images in a report: small, inside the page, few enough, and never in the way of it."""

from __future__ import annotations

import io
import re
from base64 import b64decode
from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from negatives.errors import DataError
from negatives.show import curves, render, summarise, thumbnails
from negatives.show.review.pictures import Pictures
from negatives.show.review.words import Texts
from negatives.show.writing import figures_of
from tests.pictures import folder
from tests.show.made import Page, mined

pytest.importorskip("PIL.Image")
_LINK = re.compile(r'<img class="seen" src="data:image/jpeg;base64,([^"]+)" alt="([^"]+)">')


def run_of(path: Path, before: str = "") -> neg.Run:
    """A run on images and captions; what is drawn at random is their negatives."""
    data = f"{before}{folder(path / 'data')}@train"
    return neg.mine(data, path / "run", sources=[neg.Random(top=6)], pick=neg.Top(per_query=2))


def page_of(run: neg.Run) -> str:
    return (run.path / "report.html").read_text("utf-8")


@pytest.mark.parametrize(("before", "side"), [("", "docs"), ("reverse:", "queries")])
def test_images_are_in_the_page_and_no_larger_than_they_need_be(
    tmp_path: Path, before: str, side: str
) -> None:
    from PIL import Image

    html = page_of(run := run_of(tmp_path, before))
    found = _LINK.findall(html)
    assert found
    ids = {*run.collection.frame(side)[run.collection.frame(side).columns[0]]}  # type: ignore[arg-type]
    for link, id in found:
        with Image.open(io.BytesIO(b64decode(link))) as image:
            assert image.format == "JPEG"
            assert max(image.size) <= thumbnails.LARGEST
        assert id in ids
    pairs = figures_of(run)["sections"]["pairs"]
    assert len(found) == html.count("<img ")
    assert pairs["images"]["left_out"] == 0
    assert "not shown, to keep" not in html
    Page(html)


def test_only_a_page_with_images_may_show_any(tmp_path: Path) -> None:
    assert "img-src data:;" in page_of(run_of(tmp_path / "images"))
    texts = page_of(mined(tmp_path / "texts"))
    assert "img-src" not in texts
    assert "<img" not in texts


def test_a_time_series_is_drawn_as_its_curve(tmp_path: Path) -> None:
    texts = {f"s{n}": ",".join(str((n * k) % 7) for k in range(300)) + ":1,?,2" for n in range(6)}
    rows = [{"_id": id, "series": text} for id, text in texts.items()]
    data = tmp_path / "data"
    (data / "qrels").mkdir(parents=True)
    for name in ("corpus", "queries"):
        pl.DataFrame(rows).write_ndjson(data / f"{name}.jsonl")
    judged = {"query-id": [*texts], "corpus-id": [*texts], "score": [1] * len(texts)}
    pl.DataFrame(judged).write_csv(data / "qrels" / "train.tsv", separator="\t")
    top = neg.Top(per_query=2, by="random_rank")
    run = neg.mine(f"{data}@train", tmp_path / "run", sources=[neg.Random(top=3)], pick=top)
    html = page_of(run)
    drawn = re.findall(r'<img class="seen curve" src="data:image/svg[^,]+,([^"]+)"', html)
    assert drawn
    assert "text not at hand" not in html
    for each in drawn:
        lines = re.findall(r'<polyline points="([^"]+)"', b64decode(each).decode())
        assert [len(line.split()) for line in lines] == [curves.WIDTH, curves.WIDTH]
    # Heights are those of the values: a straight line rises evenly.
    rising = re.findall(r'points="([^"]+)"', curves.curve("0,1,2").decode())[0].split()
    heights = [float(point.split(",")[1]) for point in rising]
    assert heights[0] - heights[1] == heights[1] - heights[2] > 0
    # Of a long series no peak is lost.
    long = ["0"] * 10_000
    long[5_003], long[7_000:7_200] = "100", ["?"] * 200
    peak = re.findall(r'points="([^"]+)"', curves.curve(",".join(long)).decode())[0]
    assert len({point.split(",")[1] for point in peak.split()}) == 2
    with pytest.raises(DataError, match="what is no number"):
        curves.curve("1,x")
    Page(html)
    pictures = Pictures(run.collection)
    asked = pictures.of("doc", "s1")
    assert asked is not None
    assert asked.said == "a time series of 303 values"
    assert pictures.drawn("doc", "s1") == (curves.curve(texts["s1"]), "image/svg+xml")
    assert (pictures.of("doc", "s"), pictures.drawn("query", "../s1")) == (None, None)
    assert Texts(run.collection).whole("doc", "s1") == ""


def test_what_a_reader_sees_first_has_its_image_where_not_all_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(tmp_path)
    whole = sum(len(link) for link, _ in _LINK.findall(page_of(run)))
    monkeypatch.setattr(thumbnails, "BUDGET", whole // 3)
    summary = summarise(run)
    html = render(summary)
    found = _LINK.findall(html)
    assert 0 < sum(len(link) for link, _ in found) <= whole // 3
    images, pairs = summary["sections"]["pairs"]["images"], summary["sections"]["pairs"]
    first = next(pairs[name][0] for name in ("suspicious", "hardest", "typical") if pairs[name])
    assert first["negative"]["doc_id"] in images["docs"]
    assert images["left_out"] > 0
    assert f"{images['left_out']} images are not shown" in html


def test_a_report_is_made_though_an_image_has_become_none(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    images = sorted((tmp_path / "data" / "images").iterdir())
    shown = {id for _, id in _LINK.findall(page_of(run))}
    for path in images:
        if f"images/{path.name}" in shown:
            path.write_bytes(b"no image")
    html = render(summarise(run))
    assert not _LINK.findall(html)
    assert "not shown" in html


def test_a_side_without_images_has_none(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    some = [("queries", run.collection.queries["query_id"][0]), ("docs", "nobody")]
    assert thumbnails.thumbnails(run.collection, some) is None  # type: ignore[arg-type]
    assert thumbnails.thumbnails(None, []) is None
