"""Settings of every test: time is no failure on a machine that is shared; long files go first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")


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
