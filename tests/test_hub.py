"""The hub of models: asked once whether it is there, and never for what the package brings."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@contextmanager
def counting_hub() -> Iterator[tuple[str, list[str]]]:
    """Where it listens, and what it was asked for; it has no model."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        do_GET = do_HEAD = do_POST = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def with_hub(address: str, code: str, folder: Path) -> str:
    """What a program says whose hub is at an address, with nothing downloaded before."""
    env = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**env, "HF_ENDPOINT": address, "HF_HOME": str(folder)},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_the_hub_is_not_asked_for_the_table_in_the_package(tmp_path: Path) -> None:
    code = (
        "import negatives as neg\n"
        "from negatives.learn.encoder import StaticTraining\n"
        "from negatives.events import silent\n"
        "one = StaticTraining(steps=1, negatives=0, batch_size=8)\n"
        f"made = neg.train('cranfield', {str(tmp_path / 'model')!r}, settings=one, emit=silent)\n"
        "neg.evaluate(str(made.path), 'cranfield', emit=silent)\n"
        "print('trained')"
    )
    with counting_hub() as (address, asked):
        assert "trained" in with_hub(address, code, tmp_path / "hub")
    assert asked == []


def test_a_hub_out_of_reach_is_asked_once(tmp_path: Path) -> None:
    code = (
        "import time, huggingface_hub\n"
        "from negatives.errors import DataError\n"
        "from negatives.models.open_encoder import open_encoder\n"
        "waits = []\n"
        "time.sleep = waits.append\n"  # what the hub's library does between its attempts
        "for name in ('no/such-model', 'onnx:no/such-model'):\n"
        "    try:\n"
        "        open_encoder(name)\n"
        "    except DataError as error:\n"
        "        print(error)\n"
        "print('waited', sum(waits))"
    )
    with counting_hub() as (address, _):
        pass  # from here on nobody listens there
    said = with_hub(address, code, tmp_path / "hub")
    assert said.count(f"no encoder could be loaded: the hub ({address}) cannot be reached") == 2
    assert "HF_HUB_OFFLINE" not in said
    assert "waited 0" in said


def test_a_hub_that_comes_back_is_asked_again(tmp_path: Path) -> None:
    """After a minute; in the meantime what is pushed there is refused for the right reason."""
    pytest.importorskip("datasets")
    code = (
        "import threading, http.server, os, huggingface_hub\n"
        "import negatives.hub as ours\n"
        "from negatives.hub import forbidden, out_of_reach\n"
        "address = os.environ['HF_ENDPOINT']\n"
        "print('before', forbidden(), out_of_reach() == address)\n"
        "import negatives as neg\n"
        f"run = neg.mine('cranfield', {str(tmp_path / 'run')!r}, emit=lambda event: None)\n"
        "try:\n"
        "    run.push_to_hub('me/hard', 'triplet')\n"
        "except neg.errors.WorkError as error:\n"
        "    print('refused', error)\n"
        "class Handler(http.server.BaseHTTPRequestHandler):\n"
        "    def do_HEAD(self): self.send_response(200); self.end_headers()\n"
        "server = http.server.HTTPServer(('127.0.0.1', int(address.rsplit(':')[-1])), Handler)\n"
        "threading.Thread(target=server.serve_forever, daemon=True).start()\n"
        "print('meanwhile', forbidden())\n"
        "now = ours.monotonic\n"
        "ours.monotonic = lambda: now() + 61\n"
        "print('after', forbidden(), repr(out_of_reach()))"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    said = with_hub(address, code, tmp_path / "hub")
    assert "before True True" in said
    assert f"refused the hub cannot be written to: nothing answers at {address}" in said
    assert "meanwhile True" in said
    assert "after False ''" in said
