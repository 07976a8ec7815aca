"""What may reach the page: requests of the person it was opened for, and of nobody else.

The page lies on the machine of the person who judges, where every web page that is open in their
browser, and every other user of the machine, can send requests to it. So a request must name this
host (a foreign name that resolves to this machine does not), carry the cookie that the printed
address gives, and, where it changes something, come from this very page.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGEST: Final = 1 << 16
"""Bytes of a request's body, at most."""
FORM: Final = "application/x-www-form-urlencoded"
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer, with which browsers send no origin with a form.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """Wraps an application; what is refused never reaches it.

    `hosts`: what a request may name as its host, in lower case, with the port.
    """

    def __init__(self, app: App, token: str, hosts: Collection[str]) -> None:
        self.app = app
        self.token = token
        self.hosts = frozenset(hosts)
        self.cookie = "negatives_review_" + hashlib.sha256(token.encode()).hexdigest()[:8]
        """Its name differs for each server, so that two on one machine do not share it."""
        self._secret = hashlib.sha256(b"cookie " + token.encode()).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refusal, or hand the request on."""
        if scope["type"] != "http":
            return  # there are no web sockets here
        send = _with_headers(send)
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        hosts = headers.get("host", [])
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            await _say(send, 421, "This server does not answer to that host name.")
            return
        if scope["method"] not in ("GET", "HEAD", "POST"):
            await _say(send, 405, "There is nothing to do by that method.")
            return
        if scope["method"] != "POST" and await self._let_in(scope, send):
            return
        if not self._known(headers):
            await _say(send, 403, _CLOSED)
            return
        if scope["method"] == "POST":
            if not self._from_here(headers, hosts[0]):
                await _say(send, 403, "That request comes from another page.")
                return
            if headers.get("content-type", [""])[0].split(";")[0].strip().lower() != FORM:
                await _say(send, 415, f"A request must be a form ({FORM}).")
                return
            body = await _body(headers, receive)
            if body is None:
                await _say(send, 413, f"A request may have {LARGEST:,} bytes, no more.")
                return
            receive = _replayed(body)
        await self.app(scope, receive, send)

    async def _let_in(self, scope: Scope, send: Send) -> bool:
        """Whether the address has the token: the answer is a cookie, and the address without it."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in query if name == "token"]
        if not given:
            return False
        if len(given) > 1 or not hmac.compare_digest(given[0].encode(), self.token.encode()):
            await _say(send, 403, _CLOSED)
            return True
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        path = "/" + scope["path"].lstrip("/").replace("\\", "")  # //elsewhere is another host
        place = path.encode("ascii", "ignore").decode() + (f"?{rest}" if rest else "")
        cookie = f"{self.cookie}={self._secret}; Path=/; HttpOnly; SameSite=Strict"
        headers = [(b"location", _one_line(place)), (b"set-cookie", cookie.encode())]
        await _say(send, 303, "", headers)
        return True

    def _known(self, headers: dict[str, list[str]]) -> bool:
        for line in headers.get("cookie", []):
            try:
                found = SimpleCookie(line).get(self.cookie)
            except CookieError:
                continue
            if found is not None and hmac.compare_digest(
                found.value.encode(), self._secret.encode()
            ):
                return True
        return False

    @staticmethod
    def _from_here(headers: dict[str, list[str]], host: str) -> bool:
        origins = headers.get("origin", [])
        if not origins:
            return headers.get("sec-fetch-site") == ["same-origin"]
        return [each.lower() for each in origins] == [f"http://{host.lower()}"]


_CLOSED: Final = (
    "This page opens with the address that `negatives review` printed when it started. If you came "
    "by a link from elsewhere, load the page again."
)


def _one_line(text: str) -> bytes:
    return text.replace("\r", "").replace("\n", "").encode("latin-1", "ignore")


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*message.get("headers", []), *own]}
        await send(message)

    return sending


async def _say(
    send: Send, status: int, text: str, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    body = text.encode()
    start = [(b"content-type", b"text/plain; charset=utf-8"),
             (b"content-length", str(len(body)).encode()), *(headers or [])]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})


async def _body(headers: dict[str, list[str]], receive: Receive) -> bytes | None:
    """The whole body; None where it is too long, whatever its headers say."""
    said = headers.get("content-length", ["0"])[0]
    if not said.isdigit() or int(said) > LARGEST:
        return None
    found = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        found += bytes(message.get("body", b""))
        if len(found) > LARGEST:
            return None
        if not message.get("more_body"):
            return found


def _replayed(body: bytes) -> Receive:
    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
