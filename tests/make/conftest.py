"""What tests of generators share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.make.writing_server import writing
from tests.models.chat_server import ChatServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ChatServer]:
    """A server, and a store of replies of its own."""
    monkeypatch.setenv("NEGATIVES_CACHE", str(tmp_path / "cache"))
    with writing() as made:
        yield made
