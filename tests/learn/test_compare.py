"""compare: the same training with different negatives, and figures that say which are better."""

from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from negatives.api import Run
from negatives.errors import InputError, RunError
from negatives.events import Event, Warned, silent
from negatives.learn.arms import Arm
from negatives.learn.bench.bench import bench_folder
from negatives.learn.compare import Compared, compare
from negatives.learn.request import completed
from negatives.learn.trainings import Trainings
from negatives.machine import Machine
from negatives.measure.significance import holm
from negatives.read import load
from negatives.recipe import load_recipe
from negatives.show.comparison import comparison_page, comparison_table
from tests.cli.commands import negatives

pytest.importorskip("sentence_transformers")

pytestmark = pytest.mark.slow

CHANGES = ("train.steps=6", "train.batch_size=16", "train.learning_rate=0.05")


def compared(folder: Path, arms: list[Any], out: Path, static: str, **options: Any) -> Compared:
    settings: dict[str, Any] = {"model": static, "seeds": 2, "changes": CHANGES, "threads": 1}
    return compare(folder, arms, out, **(settings | options))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compared") / "cmp"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, mined: Run) -> Path:
    made = tmp_path_factory.mktemp("theirs") / "theirs.parquet"
    mined.export(made, format="triplet")
    return made


@pytest.fixture(scope="module")
def made(folder: Path, static: str, mined: Run, file: Path, out: Path) -> Compared:
    """A recipe, a run, a mined file, and the control."""
    return compared(folder, ["bm25", mined.path, file], out, static)


def test_every_arm_is_judged_on_the_same_queries_as_often(made: Compared) -> None:
    assert list(made.per_query) == ["bm25", "run", "theirs", "none"]
    assert {len(frames) for frames in made.per_query.values()} == {2}
    assert {len(frame) for frames in made.per_query.values() for frame in frames} == {12}
    assert made.figures["queries"] == 12
    assert made.figures["on"] == "small@dev"


def test_all_arms_have_the_same_steps(made: Compared) -> None:
    assert {cost["steps"] for cost in made.figures["costs"].values()} == {6}
    assert made.figures["costs"]["bm25"]["mining_seconds"] >= 0


def test_rounds_share_the_steps_and_the_seconds_of_one_training(
    folder: Path, static: str, tmp_path: Path
) -> None:
    of = {}
    for name in ("bm25", "kalm-v2"):
        changes = ("train.steps=9", "train.seconds=60", "train.batch_size=16")
        recipe = completed(load_recipe(name), static, "static-embedding", changes)
        work = Trainings(
            folder=bench_folder(tmp_path), collection=load(folder), judged=load(folder),
            model=static, encoder=static, seeds=1, metrics=("nDCG@10",), keep_models=False,
            machine=Machine(1), emit=silent,
        )  # fmt: skip
        shared: Any = work._equal_steps(Arm(name, recipe, None)).recipe.train
        of[name] = shared.steps, shared.seconds
    assert of == {"bm25": (9, 60), "kalm-v2": (3, 20)}


def test_means_are_those_of_the_queries_and_seeds(made: Compared) -> None:
    for metric, rows in made.figures["metrics"].items():
        for row in rows:
            frames = made.per_query[row["arm"]]
            assert row["mean"] == pytest.approx(pl.concat(frames)[metric].mean())
            assert row["by_seed"] == [pytest.approx(frame[metric].mean()) for frame in frames]
            assert row["low"] <= row["mean"] <= row["high"]


def test_the_first_arm_is_what_the_others_are_tested_against(made: Compared) -> None:
    for rows in made.figures["metrics"].values():
        first, *others = rows
        assert "against_first" not in first
        tests = [row["against_first"] for row in others]
        assert [test["p_holm"] for test in tests] == pytest.approx(
            holm([test["p"] for test in tests])
        )
        for row, test in zip(others, tests, strict=True):
            assert test["difference"] == pytest.approx(row["mean"] - first["mean"], abs=1e-6)


def test_the_same_negatives_make_the_same_model(made: Compared) -> None:
    for recipe, run in zip(made.per_query["bm25"], made.per_query["run"], strict=True):
        assert recipe.equals(run)
    assert not made.per_query["bm25"][0].equals(made.per_query["none"][0])
    assert not made.per_query["bm25"][0].equals(made.per_query["bm25"][1])


def test_the_same_again_trains_nothing(
    made: Compared, folder: Path, static: str, mined: Run, file: Path, out: Path
) -> None:
    tables = {path: path.stat().st_mtime_ns for path in out.rglob("seed-*")}
    again = compared(folder, ["bm25", mined.path, file], out, static)
    assert again.figures == made.figures
    assert {path: path.stat().st_mtime_ns for path in out.rglob("seed-*")} == tables
    assert not any(path.is_dir() for path in tables), "models are not kept unless asked for"


def test_other_arms_are_refused(made: Compared, folder: Path, static: str, out: Path) -> None:
    with pytest.raises(RunError, match="another comparison; it differs in: arms"):
        compared(folder, ["bm25", "default"], out, static)


def test_another_file_of_the_same_name_is_refused(
    made: Compared, folder: Path, static: str, mined: Run, file: Path, out: Path, tmp_path: Path
) -> None:
    other = tmp_path / file.name
    pl.read_parquet(file).head(20).write_parquet(other)
    with pytest.raises(RunError, match="another comparison"):
        compared(folder, ["bm25", mined.path, other], out, static)


def test_what_the_figures_were_made_from_is_checked(
    folder: Path, static: str, tmp_path: Path
) -> None:
    """A table that is not what was written is made again, and another model of that name told."""
    out, model = tmp_path / "cmp", tmp_path / "model"
    shutil.copytree(static, model)
    small: dict[str, Any] = {"seeds": 2, "changes": ("train.steps=2", "train.batch_size=8")}
    once = compared(folder, ["bm25"], out, str(model), **small)
    tables = [out / "arms" / "bm25" / f"seed-{seed}.parquet" for seed in (0, 1)]
    written = [table.read_bytes() for table in tables]
    shutil.copyfile(tables[1], tables[0])  # the figures of another seed
    tables[1].unlink()
    said: list[Event] = []
    again = compared(folder, ["bm25"], out, str(model), **small, emit=said.append)
    assert again.figures["metrics"] == once.figures["metrics"]
    assert [table.read_bytes() for table in tables] == written
    assert [event.text for event in said if isinstance(event, Warned)] == [
        f"arms/bm25/seed-{seed}.parquet is not what was written: it is made again"
        for seed in (0, 1)
    ]
    weights = next(model.rglob("model.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(RunError, match="another comparison; it differs in: weights"):
        compared(folder, ["bm25"], out, str(model), **small)
    (out / "plan.json").write_text("[]")
    with pytest.raises(RunError, match="the account of the comparison cannot be read"):
        compared(folder, ["bm25"], out, str(model), **small)
    (out / "plan.json").unlink()
    (out / "thesis.tex").write_text("x")
    with pytest.raises(RunError, match=r"holds no comparison: thesis\.tex"):
        compared(folder, ["bm25"], out, str(model), **small)


class Checked(HTMLParser):
    """Every element that is opened is closed, and nothing is fetched."""

    VOID = frozenset(("meta", "br", "line", "circle", "link", "img", "input", "hr", "rect", "path"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if not (tag in self.VOID and "title" not in tag):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_is_well_formed_and_fetches_nothing(made: Compared) -> None:
    page = comparison_page(made.figures)
    checked = Checked()
    checked.feed(page)
    assert not checked.open
    assert not [link for link in checked.addresses if not link.startswith(("#", "data:"))]
    assert "theirs" in page


def test_the_table_has_a_line_for_each_arm(made: Compared) -> None:
    lines = comparison_table(made.figures).splitlines()
    assert lines[0].startswith("nDCG@10 on small@dev, 12 queries, 2 seeds, 6 steps")
    assert [line.split()[0] for line in lines[2:]] == ["bm25", "run", "theirs", "none"]


@pytest.mark.parametrize(
    ("arms", "options", "said"),
    [
        (["bm25"], {"control": ""}, "nothing to be compared with"),
        (["bm25", "bm25"], {}, "two arms are called bm25"),
        (["bm25"], {"seeds": 0}, "no seed is left"),
        (["bm25"], {"control": "some"}, "no control 'some'"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    arms: list[str], options: dict[str, Any], said: str, folder: Path, static: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        compared(folder, arms, tmp_path / "cmp", static, **options)
    assert caught.value.fix
    assert not (tmp_path / "cmp").exists()


def test_settings_of_mining_are_told_of_where_an_arm_has_its_negatives(
    folder: Path, static: str, mined: Run, file: Path, tmp_path: Path
) -> None:
    (tmp_path / "theirs.txt").write_text("not ours")
    told: list[Event] = []
    changes = ("pick.per_query=1", *CHANGES)
    arms = ["bm25", mined.path, file]
    with pytest.raises(RunError, match="holds no comparison"):
        compared(folder, arms, tmp_path, static, changes=changes, emit=told.append)
    texts = [each.text for each in told if isinstance(each, Warned)]
    assert [text.partition(" holds")[0] for text in texts if "changes nothing" in text] == [
        "pick.per_query changes nothing: the arm run",
        "pick.per_query changes nothing: the arm theirs",
    ]


def test_queries_that_any_arm_is_trained_with_are_left_out(
    folder: Path, static: str, tmp_path: Path
) -> None:
    leaking = tmp_path / "leaking.jsonl"
    queries = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()]
    asked = (folder / "qrels" / "dev.tsv").read_text().split("\n")[1].split("\t")[0]
    text = next(row["text"] for row in queries if row["_id"] == asked)
    row = {"anchor": text, "positive": "wing flow", "negative": "heat"}
    leaking.write_text(json.dumps(row) + "\n")
    said: list[Event] = []
    changes = ("train.steps=1", "train.batch_size=4")
    made = compared(
        folder, [leaking], tmp_path / "cmp", static, seeds=1, changes=changes, emit=said.append
    )
    assert made.figures["left_out"] == 1
    assert made.figures["queries"] == 11
    assert any(isinstance(event, Warned) and "left out" in event.text for event in said)


def test_from_the_command_line(folder: Path, static: str, tmp_path: Path) -> None:
    data = tmp_path / "small"
    shutil.copytree(folder, data)
    command: list[str | Path] = [
        "compare",
        data,
        "--recipes",
        "bm25",
        "--out",
        tmp_path / "cmp",
        "--model",
        static,
    ]
    few = ["--seeds", "1", "--steps", "2", "--batch-size", "8"]
    done = negatives(*command, *few)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("nDCG@10 on small@dev")
    assert (tmp_path / "cmp" / "compare.html").is_file()
    wrong = negatives(*command, *few, "--on", f"{data}@nowhere")
    assert wrong.returncode == 2
    assert "nowhere" in wrong.stderr
