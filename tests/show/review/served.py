"""The page of a run, served by a thread of this process or by one that can be killed."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import negatives as neg
from negatives.show.review.server import Review
from negatives.show.review.serving import Address, server_of

TOKEN = "a-token-of-the-tests"


@dataclass
class Client:
    """Raw requests; cookies are kept as a browser would."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self, method: str, path: str, body: str = "", **headers: str
    ) -> tuple[int, dict[str, str], str]:
        """Status, headers and text of an answer. A header that is given empty is not sent."""
        sent = {"Host": f"127.0.0.1:{self.port}"}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method == "POST":
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            sent["Origin"] = f"http://127.0.0.1:{self.port}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            if value:
                connection.putheader(name, value)
        if method == "POST":
            connection.putheader("Content-Length", str(len(body.encode())))
        connection.endheaders(body.encode() if method == "POST" else None)
        answer = connection.getresponse()
        text = answer.read().decode()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.split(";")[0]
        found = {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        return answer.status, found, text

    def enter(self, name: str, token: str = TOKEN) -> None:
        """As somebody who opens the printed address and gives a name."""
        assert self.ask("GET", f"/?token={token}")[0] == 303
        assert self.post("/start", name=name)[0] == 303

    def post(self, path: str, **fields: str) -> tuple[int, dict[str, str], str]:
        """Send a form."""
        return self.ask("POST", path, urlencode(fields))

    def pair(self, tab: str, order: str = "active") -> str:
        """The name of the pair that a tab shows; empty where there is none."""
        status, _, page = self.ask("GET", f"/judge?tab={tab}&order={order}")
        assert status == 200, page
        return name_in(page)

    def judge(self, tab: str, verdict: str, order: str = "active", note: str = "") -> str:
        """Judge what a tab shows; the name of that pair."""
        pair = self.pair(tab, order)
        status, headers, _ = self.post(
            "/verdict", pair=pair, tab=tab, order=order, verdict=verdict, note=note
        )
        assert status == 303
        assert headers["location"] == f"/judge?tab={tab}&order={order}"
        return pair


def name_in(page: str) -> str:
    """The name of the pair on a page."""
    found = re.search(r'name="pair" value="(\w+)"', page)
    return "" if found is None else found[1]


@contextmanager
def served(run: neg.Run, **options: object) -> Iterator[Client]:
    """The page of a run, and one who has not come in yet."""
    with Address(port=0).bound() as listening:
        port = listening.getsockname()[1]
        review = Review(run, **options)  # type: ignore[arg-type]
        server = server_of(review, TOKEN, Address().names(port))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        review.forecast.start()
        try:
            yield Client(port)
        finally:
            review.forecast.stop()
            server.should_exit = True
            thread.join()


@contextmanager
def killable(run: Path, port: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`negatives review RUN` as a process, and the address that it prints."""
    command = [sys.executable, "-m", "negatives.cli", "review", str(run), "--no-browser",
               "--port", str(port), "--reviewer", "ann"]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(Path(neg.__file__).parents[1])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("judge at http://"), line
        yield process, line.split()[-1]
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def until(said: object) -> None:
    """Wait until something is so."""
    for _ in range(200):
        if said():  # type: ignore[operator]
            return
        time.sleep(0.05)
    raise AssertionError("it never was")
