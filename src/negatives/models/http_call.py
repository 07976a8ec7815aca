"""One POST of JSON to a service: to that host only, in bounded time, with a bounded reply.

No redirect is followed, for it would take the texts, and perhaps the key, to a host that nobody
named. The time-out is of the whole call, not of a wait between two bytes, and a reply that is
longer than any right one is not read to its end. Proxies of the environment are used.
"""

from __future__ import annotations

import http.client
import importlib
import importlib.util
import socket
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

from negatives.stopping import Stop

_PIECE: Final = 1 << 16
_LISTENS: Final = 5.0
"""Seconds in which somebody who listens on this machine takes a call."""


class CallFailed(Exception):
    """No reply: the connection failed, or broke off."""


class TimedOut(CallFailed):
    """No whole reply in time."""


class TooLong(Exception):
    """The reply is longer than a right one could be."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; the names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def is_there(url: str) -> bool:
    """Whether somebody listens at an address on this machine; of others nothing is found out.

    They may be reached through a proxy, or answer for a while only.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host not in ("localhost", "::1") and not host.startswith("127."):
        return True
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((host, port), timeout=_LISTENS):
            return True
    except OSError:
        return False


@contextmanager
def unless_done_after(seconds: float, do: Callable[[], None]) -> Iterator[None]:
    """`do` is called in another thread where what is done meanwhile takes so long."""
    timer = threading.Timer(seconds, do)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def post(
    url: str, body: bytes, *, key: str = "", seconds: float, most: int, stopped: Stop
) -> Reply:
    """Send `body`, with `key` as a bearer token where there is one, and return any reply.

    Raises `CallFailed`; `TimedOut` after `seconds` in all, or at once where `stopped` is set;
    `TooLong` after `most` bytes.
    """
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(url, body, headers, method="POST")
    watch = _Watch()
    with watch.over_after(seconds), stopped.cutting(watch.end):
        try:
            with _opener(watch.connection).open(request, timeout=seconds) as answer:
                length = answer.headers.get("Content-Length", "")
                if length.isdecimal() and int(length) > most:
                    raise TooLong(f"a reply of {int(length):,} bytes")
                held = _read(answer, most)
        except (OSError, http.client.HTTPException, ValueError) as error:
            # urllib wraps the reasons of a connection in an error of its own.
            reason = getattr(error, "reason", None) or error
            if watch.over or isinstance(reason, TimeoutError):
                raise TimedOut(f"no whole reply in {seconds:g} seconds") from None
            raise CallFailed(str(reason) or type(reason).__name__) from None
        if watch.over:  # a connection that was cut reads as one that has ended
            raise TimedOut(f"no whole reply in {seconds:g} seconds")
    named = {name.lower(): value for name, value in answer.headers.items()}
    return Reply(answer.status, named, held)


def _read(answer: Any, most: int) -> bytes:
    held = bytearray()
    while piece := answer.read(_PIECE):
        held += piece
        if len(held) > most:
            raise TooLong(f"a reply of more than {most:,} bytes")
    return bytes(held)


class _Watch:
    """Ends the connections of one call when it is over, whatever they wait for."""

    def __init__(self) -> None:
        self.over = False
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []

    @contextmanager
    def over_after(self, seconds: float) -> Iterator[None]:
        try:
            with unless_done_after(seconds, self.end):
                yield
        finally:
            with self._lock:
                for made in self._open:
                    made.close()
                self._open.clear()

    def connection(self, kind: type[http.client.HTTPConnection]) -> Any:
        """A class of connections that are watched from when they reach the other side."""
        watch = self

        class Watched(kind):  # type: ignore[misc, valid-type]
            def __init__(self, *given: Any, **named: Any) -> None:
                super().__init__(*given, **named)
                # What http.client connects by, before it speaks to a proxy or through TLS.
                self._create_connection = watch.connected

        return Watched

    def connected(self, address: tuple[str, int], seconds: float, *more: Any) -> socket.socket:
        """What `socket.create_connection` makes, watched from before it reaches the other side."""
        failed = OSError("the name has no address")
        for family, kind, protocol, _, place in socket.getaddrinfo(*address, 0, socket.SOCK_STREAM):
            with ExitStack() as unless_made:
                try:
                    made = unless_made.enter_context(socket.socket(family, kind, protocol))
                    made.settimeout(seconds)
                    with self._lock:
                        # Another handle of the same connection: TLS takes the first one over.
                        self._open.append(made.dup())
                    made.connect(place)
                except OSError as error:
                    failed = error
                    continue
                if self.over:  # before there was a connection to cut
                    _cut(made)
                unless_made.pop_all()
                return made
        raise failed

    def end(self) -> None:
        """The call is over: no reply is waited for any longer."""
        with self._lock:
            self.over = True
            for made in self._open:
                _cut(made)


def _cut(made: socket.socket) -> None:
    with suppress(OSError):  # it may have ended by itself
        made.shutdown(socket.SHUT_RDWR)


def _opener(watched: Callable[[type[http.client.HTTPConnection]], Any]) -> Any:
    """An opener that knows http and https only, follows nothing and raises for no status."""

    class Plain(urllib.request.HTTPHandler):
        def http_open(self, request: Any) -> Any:
            return self.do_open(watched(http.client.HTTPConnection), request)

    class Secure(urllib.request.HTTPSHandler):
        def https_open(self, request: Any) -> Any:
            made = watched(http.client.HTTPSConnection)
            return self.do_open(made, request, context=_trusted())

    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler(), Plain(), Secure()):
        opener.add_handler(handler)
    return opener


@cache
def _trusted() -> ssl.SSLContext:
    """The system's certificates, and those of certifi where that is installed."""
    context = ssl.create_default_context()
    if importlib.util.find_spec("certifi"):
        context.load_verify_locations(importlib.import_module("certifi").where())
    return context


def service_url(address: str, name: str) -> str:
    """The URL of one service below an address, whose parameters stay at the end."""
    parts = urlsplit(address)
    path = f"{parts.path.rstrip('/')}/{name}"
    return parts._replace(path=path).geturl()
