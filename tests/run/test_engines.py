"""One run, whatever carries it out: the same bytes, also where a worker dies or an item is odd."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import negatives as neg
from negatives.errors import InputError, RecipeError, WorkError
from negatives.events import Event, Warned
from negatives.recipe import Recipe, load_recipe
from negatives.recipe_changes import override
from negatives.run import mine as mine_only  # no report: it would look the odd judge up by its kind
from negatives.run.ray import Ray
from tests.build import collection
from tests.cli.commands import negatives
from tests.models.tiny_reranker import save_onnx
from tests.run.odd_judge import Odd
from tests.run.test_mine import contents

RECIPE = override(load_recipe("default"), ["find.bm25.top=20", "find.dense.top=20", "shard=60"])
PROCESSES: dict[str, Any] = {"engine": "processes", "workers": 2, "threads": 2}
RAY: dict[str, Any] = {"engine": "ray", "workers": 2, "threads": 2}


SMALL = Recipe(find=(neg.BM25(top=5),), pick=neg.Top(per_query=2), shard=10)
DATA = collection(
    {f"d{n:03d}": f"wing {n} of {n % 7}" for n in range(60)},
    {f"q{n:03d}": f"wing {n}" for n in range(40)},
    [(f"q{n:03d}", f"d{n:03d}", 1) for n in range(40)],
)


def odd(path: Path, **settings: bool) -> Recipe:
    """The small recipe with a judge that fails at query q015 while there is a file at `path`."""
    path.touch()
    return replace(SMALL, judge=(Odd(query="q015", while_there=str(path), **settings),))


@pytest.fixture(scope="module")
def _cluster() -> Iterator[None]:
    """One of Ray's for all tests of this file: a connection that is there is used, and left."""
    if not find_spec("ray"):
        yield
        return
    with Ray(RAY["workers"], RAY["threads"]).started():
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("_cluster")
def test_engines_and_tiles_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whole = neg.mine("cranfield", tmp_path / "whole", recipe=RECIPE)
    for engine in (PROCESSES, RAY) if find_spec("ray") else (PROCESSES,):
        heard: list[Event] = []
        path = Path(engine["engine"])  # workers have folders of their own
        run = neg.mine(
            "cranfield", path, recipe=RECIPE, corpus_shard=500, emit=heard.append, **engine
        )
        assert contents(run.path) == contents(whole.path)
        assert sorted(run.manifest.warnings) == sorted(whole.manifest.warnings)
        told = [event.text for event in heard if isinstance(event, Warned)]
        assert len(told) == len(set(told))
        assert not (path / ".work").exists()
        assert "search in tiles" in run.manifest.stages


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "processes"])
def test_an_odd_query_is_named_when_the_others_are_finished(engine: str, tmp_path: Path) -> None:
    options = PROCESSES if engine == "processes" else {}
    recipe = odd(tmp_path / "odd", kills=engine == "processes")

    def mined(name: str) -> dict[str, bytes]:
        return contents(mine_only(DATA, tmp_path / name, recipe=recipe, **options).path)

    with pytest.raises(WorkError) as caught:
        mined("run")
    why = "a worker process was killed (SIGKILL)" if options else "ValueError: this query is too"
    assert caught.value.what.startswith("could not judge part 1 (queries q010 to q019): " + why)
    assert "(tried 3 times; the others are finished)" in caught.value.what
    judged = tmp_path / "run/.work/judged"
    assert sorted(path.name for path in judged.iterdir()) == [
        f"part-0000{number}.parquet" for number in (0, 2, 3)
    ]
    (tmp_path / "odd").unlink()
    assert mined("run") == mined("never")


@pytest.mark.slow
@pytest.mark.usefixtures("_cluster")
@pytest.mark.parametrize("options", [PROCESSES, RAY], ids=["processes", "ray"])
def test_a_worker_that_dies_in_the_middle_changes_no_byte(
    options: dict[str, Any], tmp_path: Path
) -> None:
    if options is RAY and find_spec("ray") is None:
        pytest.skip("ray is not installed")
    recipe = odd(tmp_path / "odd", kills=True, once=True)
    run = mine_only(DATA, tmp_path / "run", recipe=recipe, **options)
    assert not (tmp_path / "odd").exists()
    whole = mine_only(DATA, tmp_path / "local", recipe=recipe)
    assert contents(run.path) == contents(whole.path)


@pytest.mark.slow
def test_what_a_reranker_has_scored_is_counted_in_all_workers(tmp_path: Path) -> None:
    judge = neg.Rerank(model=str(save_onnx(tmp_path / "model")), top=2)
    recipe, counted = replace(SMALL, judge=(judge,)), []
    for name, options in (("local", {}), ("processes", PROCESSES)):
        run = mine_only(DATA, tmp_path / name, recipe=recipe, **options)
        counted.append(run.manifest.notes.measured[f"rerank {judge.model}"]["pairs"])
        scored = run.candidates().select(pl.col("reranker_score").count()).collect().item()
        assert counted[-1] == scored == counted[0]


def test_a_stage_that_is_defined_in_a_script_cannot_be_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = odd(tmp_path / "odd")
    monkeypatch.setattr(Odd, "__module__", "__main__")
    with pytest.raises(RecipeError, match="other processes cannot import it"):
        mine_only(DATA, tmp_path / "run", recipe=recipe, **PROCESSES)
    assert not (tmp_path / "run").exists()


def test_nonsense_is_refused_before_any_work(tmp_path: Path) -> None:
    for words, told in (
        (["--engine", "dask"], "there is no engine 'dask'"),
        (["--workers", "2"], "one process has no workers"),
        (["--address", "auto"], "only Ray has an address"),
        (["--corpus-shard", "-1"], "-1 documents at a time"),
    ):
        ended = negatives("mine", "cranfield", "--out", tmp_path / "run", *words)
        assert ended.returncode == 2
        assert told in ended.stderr
        assert not (tmp_path / "run").exists()
    with pytest.raises(InputError):
        neg.mine("cranfield", tmp_path / "run", engine="processes", workers=0)


@pytest.mark.slow
def test_engines_change_no_byte_of_six_thousand_queries(tmp_path: Path) -> None:
    data = first_queries(real_collection("scale_debian"), 6_000)
    recipe = override(load_recipe("default"), ["shard=1000"])
    whole = mine_only(data, tmp_path / "whole", recipe=recipe)
    for engine in (PROCESSES, RAY) if find_spec("ray") else (PROCESSES,):
        run = mine_only(data, tmp_path / engine["engine"], recipe=recipe, **engine)
        assert contents(run.path) == contents(whole.path)


def real_collection(name: str) -> neg.Collection:
    """A collection of the folder that NEGATIVES_DATA names."""
    folder = Path(os.environ.get("NEGATIVES_DATA", "")) / name
    if not folder.is_dir() or "NEGATIVES_DATA" not in os.environ:
        pytest.skip(f"set NEGATIVES_DATA to a folder that holds {name}")
    return neg.Collection.load(folder)


def first_queries(data: neg.Collection, count: int) -> neg.Collection:
    """The same corpus, and the first mined queries."""
    queries = data.queries[data.mined_queries[:count]]
    return replace(data, queries=queries, qrels=data.qrels.join(queries, on="query_id", how="semi"))
