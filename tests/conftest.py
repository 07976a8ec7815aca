"""Settings of every test: time is no failure on a machine that is shared; long files go first."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

os.environ["HF_HUB_OFFLINE"] = "1"  # before the hub's library is imported: nothing is asked of it
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")


def _keep_to_own_processors() -> None:
    """Divide the processors between the processes of one suite, and what each of them starts.

    Threads of torch and polars of several processes on the same processors would mostly wait for
    each other, and spin while they do. Before any library is loaded that counts processors.
    """
    number = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if number.isdecimal() and hasattr(os, "sched_setaffinity"):
        there = sorted(os.sched_getaffinity(0))
        workers = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        if workers <= len(there):
            os.sched_setaffinity(0, there[int(number) % workers :: workers])


_keep_to_own_processors()


@pytest.fixture(scope="session", autouse=True)
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What fixtures of a whole module encode is kept apart from the user's own vectors."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEGATIVES_CACHE", str(tmp_path_factory.mktemp("session-cache")))
        yield


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test begins without stored vectors; processes that it starts inherit the folder."""
    monkeypatch.setenv("NEGATIVES_CACHE", str(tmp_path_factory.mktemp("cache")))


_IMPORTED = 50
"""New modules from which on it is worth while to look at what there is once more."""
_modules = 0


def _leave_modules_out_of_collections() -> None:
    """What modules consist of stays to the end, and no later collection of garbage looks at it.

    A training collects garbage, and torch alone is hundreds of thousands of objects.
    """
    global _modules
    if len(sys.modules) > _modules + _IMPORTED:
        gc.collect()
        gc.freeze()
        _modules = len(sys.modules)


def pytest_runtest_teardown() -> None:
    """After a test that imported what nobody had before."""
    _leave_modules_out_of_collections()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup() -> Generator[None, object, object]:
    """After a fixture that did."""
    made = yield
    _leave_modules_out_of_collections()
    return made


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests share a process, with what the file prepares; of the examples, a page's do.

    Examples and files of slow tests come first: none is left to one process alone at the end.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path.name != "test_docs.py", item.path not in slow))
    for item in items:
        page = getattr(item, "callspec", None) and item.callspec.params.get("page")  # type: ignore[attr-defined]
        item.add_marker(pytest.mark.xdist_group(str(page or item.path)))
