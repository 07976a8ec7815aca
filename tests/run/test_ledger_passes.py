"""What is done to a whole ledger, whatever carries it out: the same bytes, and odd parts named."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from negatives import kinds
from negatives.engine import LOCAL, Engine, Mapper
from negatives.errors import RecipeError, WorkError
from negatives.events import Event, Progress
from negatives.measure.review import verdicts_of
from negatives.recipe import Recipe
from negatives.run import mine as mine_only  # no report: kinds of this folder are not registered
from negatives.run.engine import Processes
from negatives.run.judging import judge_run
from negatives.run.picking import repick
from negatives.run.ray import Ray
from negatives.run.reviewing import review_run
from negatives.store.run import Run
from tests.build import collection
from tests.cli.commands import negatives
from tests.contracts.theirs import Negated
from tests.run.odd_judge import Odd
from tests.run.odd_stages import ByRank, OddPicker, Parity
from tests.run.test_mine import contents

QUERIES = range(40)
DATA = collection(
    {f"d{n:03d}": f"wing {n} of {n % 7} in stream {n % 5}" for n in range(80)},
    {f"q{n:03d}": f"what wing {n} of {n % 7} in stream {n % 5}" for n in QUERIES},
    [(f"q{n:03d}", f"d{m:03d}", 1) for n in QUERIES for m in (n, n + 35)],
)
RECIPE = Recipe(find=(neg.BM25(top=12),), estimate=ByRank(), pick=neg.Top(per_query=3), shard=10)


@dataclass(frozen=True)
class Started:
    """An engine that has been started once for all that is asked of it."""

    mapper: Mapper
    workers: int = 2

    @contextmanager
    def started(self) -> Iterator[Mapper]:
        yield self.mapper


def pick(run: Run, engine: Engine) -> None:
    repick(run, neg.RiskLimited(per_query=2, max_false=0.3), engine=engine)


def relabel(run: Run, engine: Engine) -> None:
    repick(run, run.recipe.pick, relabel=0.3, engine=engine)


def judge(run: Run, engine: Engine) -> None:
    judge_run(run, Parity(), 300, engine=engine)
    judge_run(run.reopened(), Parity(), 400, engine=engine)  # which undoes the first


def review(run: Run, engine: Engine) -> None:
    verdicts = run.negatives.select("query_id", "doc_id", relevant=pl.col("p_relevant") > 0.2)
    review_run(run, verdicts_of(verdicts), engine=engine)


VERBS: tuple[Callable[[Run, Engine], None], ...] = (pick, relabel, judge, review)


@pytest.fixture(scope="module", autouse=True)
def installed() -> Iterator[None]:
    """The stages of this folder, as if another package had them."""
    theirs = {"estimate": {"by-rank": "tests.run.odd_stages:ByRank"}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "_third_parties", lambda: theirs)
        yield


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in four parts."""
    return mine_only(DATA, tmp_path_factory.mktemp("mined") / "run", recipe=RECIPE).path


def tables(path: Path) -> dict[str, bytes]:
    """All tables of a run; nothing else is left of the work."""
    assert not (path / ".work").exists()
    assert not list(path.rglob(".partial-*"))
    more = [path / name for name in ("relabelled.parquet", "generated.parquet")]
    return contents(path) | {p.name: p.read_bytes() for p in more if p.exists()}


def everything(mined: Path, folder: Path, engine: Engine) -> dict[str, dict[str, bytes]]:
    """What each verb leaves of a run of its own, and a run with written documents."""
    made: dict[str, dict[str, bytes]] = {}
    for verb in VERBS:
        path = folder / verb.__name__
        shutil.copytree(mined, path)
        verb(Run(path, collection=DATA), engine)
        made[verb.__name__] = tables(path)
    recipe = replace(RECIPE, make=(Negated(copies=2),), relabel=0.3)
    made["make"] = tables(mine_only(DATA, folder / "make", recipe=recipe, engine=engine).path)
    return made


@pytest.fixture(scope="module")
def local(mined: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """What each verb makes in this process."""
    folder = tmp_path_factory.mktemp("passes") / "local"
    made = everything(mined, folder, Started(LOCAL))
    for verb, found in made.items():
        assert found != tables(mined), f"{verb} does something"
    rejected = Run(folder / "judge", collection=DATA).rejected
    assert rejected["rule"].to_list().count("parity") > 0
    assert len(Run(folder / "relabel", collection=DATA).relabelled) > 0
    return made


@pytest.mark.slow
def test_no_byte_of_a_ledger_depends_on_the_engine(
    mined: Path, local: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    with Processes(2).started() as mapper:
        assert everything(mined, tmp_path / "processes", Started(mapper)) == local


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")
def test_nor_does_it_on_ray(
    mined: Path, local: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    with Ray(2).started() as mapper:
        assert everything(mined, tmp_path / "ray", Started(mapper)) == local


@pytest.mark.slow
def test_a_part_that_cannot_be_picked_from_is_named_and_the_run_stays_as_it_was(
    mined: Path, tmp_path: Path
) -> None:
    (tmp_path / "odd").touch()
    odd = OddPicker(query="q015", while_there=str(tmp_path / "odd"), per_query=2)
    shutil.copytree(mined, tmp_path / "run")
    heard: list[Event] = []
    for engine in (Started(LOCAL), Processes(2)):
        run = Run(tmp_path / "run", collection=DATA)
        with pytest.raises(WorkError) as caught:
            repick(run, odd, relabel=0.3, engine=engine, emit=heard.append)
        assert caught.value.what == (
            "could not pick from part 1 of the ledger (part-00001.parquet): ValueError: this query "
            "is too much (tried 3 times; the others are finished)"
        )
        assert tables(run.path) == tables(mined)
        picked = [e.done for e in heard if isinstance(e, Progress) and e.stage == "pick"]
        assert max(picked) == 3
    (tmp_path / "odd").unlink()
    repick(run, odd)
    assert tables(run.path) != tables(mined)


@pytest.mark.slow
def test_a_query_that_written_documents_cannot_be_judged_for_is_named(tmp_path: Path) -> None:
    odd = Odd(query="q015", while_there=str(tmp_path / "odd"))
    recipe = replace(RECIPE, estimate=None, make=(Negated(),), judge=(odd,))
    mined = tables(mine_only(DATA, tmp_path / "whole", recipe=recipe).path)

    def hear(event: Event) -> None:
        """The judge cannot judge any more, from when documents are written."""
        if isinstance(event, Progress) and event.stage == "make negated":
            (tmp_path / "odd").touch()

    with pytest.raises(WorkError, match="could not judge what was made for part 1 of the ledger"):
        mine_only(DATA, tmp_path / "run", recipe=recipe, emit=hear)
    (tmp_path / "odd").unlink()
    assert tables(mine_only(DATA, tmp_path / "run", recipe=recipe).path) == mined


@pytest.mark.slow
def test_the_command_takes_an_engine_and_refuses_nonsense(mined: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(mined, run)
    for words, told in (
        (["--engine", "dask"], "there is no engine 'dask'"),
        (["--workers", "2"], "one process has no workers"),
        (["--threads", "0"], "0 is no number of threads"),
    ):
        ended = negatives("pick", run, *words)
        assert ended.returncode == 2
        assert told in ended.stderr
    assert tables(run) == tables(mined)
    plain, options = negatives("pick", run, "--per-query", "2", "--quiet"), ["--workers", "2"]
    expected = tables(run)
    ended = negatives("pick", run, "--engine", "processes", *options, "--per-query", "2", "--quiet")
    assert (ended.returncode, ended.stdout) == (0, plain.stdout)
    assert tables(run) == expected


def test_a_picker_that_is_defined_in_a_script_cannot_be_sent(
    mined: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = OddPicker(query="q015", while_there=str(tmp_path / "none"))
    monkeypatch.setattr(OddPicker, "__module__", "__main__")
    shutil.copytree(mined, tmp_path / "run")
    with pytest.raises(RecipeError, match="other processes cannot import it"):
        repick(Run(tmp_path / "run", collection=DATA), odd, engine="processes", workers=2)
    assert tables(tmp_path / "run") == tables(mined)
