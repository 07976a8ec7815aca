"""The page served: where, to whom, and until when."""

from __future__ import annotations

import ipaddress
import secrets
import socket
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from negatives.errors import InputError
from negatives.optional import require
from negatives.run.reviews import Order, read_lines, standing
from negatives.show.review.guideline import read_instructions
from negatives.store.run import Run

if TYPE_CHECKING:
    from negatives.show.review.server import Review


@dataclass(frozen=True)
class Address:
    """Where the page is served, and the names under which it may be asked for."""

    host: str = "127.0.0.1"
    port: int = 8765
    allowed: tuple[str, ...] = ()

    def bound(self) -> socket.socket:
        """A socket at that place, listening; `InputError` where that is not possible."""
        if not 0 <= self.port <= 65_535:
            raise InputError(f"there is no port {self.port}", fix="give one from 0 to 65535")
        if self._everywhere and not self.allowed:
            raise InputError(
                f"{self.host} lets everybody in who can reach this machine, by any name",
                fix="name the one by which they do: --allow-host reviews.example.org",
            )
        made = None
        try:
            family, _, _, _, place = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM
            )[0]
            made = socket.socket(family, socket.SOCK_STREAM)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(place)
            made.listen(128)
        except (OSError, UnicodeError) as error:
            if made is not None:
                made.close()
            said = getattr(error, "strerror", None) or error
            raise InputError(
                f"the page cannot be served at {self.host}, port {self.port}: {said}",
                fix="choose another --port (0: any that is free), or another --host",
            ) from None
        return made

    def names(self, port: int) -> set[str]:
        """What a request may name as its host."""
        own = () if self._everywhere else (self.host,)
        here = ("127.0.0.1", "localhost", "[::1]") if self._loopback or self._everywhere else ()
        found = set()
        for name in (*here, *own, *self.allowed):
            plain = name.lower()
            if ":" in plain and not plain.startswith("["):
                plain = f"[{plain}]"
            found |= {f"{plain}:{port}", *([plain] if port == 80 else [])}
        return found

    def url(self, port: int, token: str) -> str:
        """The address that opens the page."""
        name = self.allowed[0] if self.allowed else self.host
        return f"http://{f'[{name}]' if ':' in name else name}:{port}/?token={token}"

    @property
    def _everywhere(self) -> bool:
        with suppress(ValueError):
            return ipaddress.ip_address(self.host).is_unspecified
        return self.host == ""

    @property
    def _loopback(self) -> bool:
        with suppress(ValueError):
            return ipaddress.ip_address(self.host).is_loopback
        return self.host == "localhost"


def serve(
    run: Path,
    address: Address,
    *,
    order: Order = "active",
    confidence: float = 0.95,
    twice: float = 0.1,
    reviewer: str = "",
    instructions: Path | None = None,
    browser: bool = False,
    ready: Callable[[str], None],
) -> int:
    """Serve the page of a run until the process is interrupted; how many verdicts stand then.

    `instructions`: a text file that the guideline shows. `ready` is told the address
    once the page can be opened.
    """
    if not 0.5 < confidence < 1:
        raise InputError(
            f"a confidence of {confidence}", fix="give a share above 0.5 and below 1, such as 0.95"
        )
    if not 0 <= twice <= 1:
        raise InputError(f"--twice {twice}", fix="give a share from 0 to 1, such as 0.1")
    told = "" if instructions is None else read_instructions(instructions)
    require("uvicorn", extra="review")
    require("starlette", extra="review")
    from negatives.show.review.server import Review

    with address.bound() as listening:
        port = listening.getsockname()[1]
        review = Review(
            Run(run),
            order=order,
            confidence=confidence,
            twice=twice,
            suggested=reviewer,
            instructions=told,
        )
        token = secrets.token_urlsafe(24)
        server = server_of(review, token, address.names(port))
        url = address.url(port, token)
        review.forecast.start()
        ready(url)
        if browser:
            webbrowser.open(url)
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listening])
        review.forecast.stop()
    return len(standing(read_lines(run)))


def server_of(review: Review, token: str, names: set[str]) -> Any:
    """A server of a review's pages, silent, for one who has the token and names it rightly."""
    uvicorn = require("uvicorn", extra="review")
    return uvicorn.Server(
        uvicorn.Config(
            review.app(token, names),
            http="h11",
            ws="none",
            lifespan="off",
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
        )
    )
