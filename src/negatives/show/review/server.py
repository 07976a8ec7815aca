"""The page's server: what each address shows, and what each form does."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, quote, unquote, urlencode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from negatives.errors import DataError, NegativesError
from negatives.run.inputs import collection_of
from negatives.run.reviews import SAID, Order
from negatives.show.render import template
from negatives.show.review.desk import Desk, Pair, Tab
from negatives.show.review.forecast import Forecast
from negatives.show.review.guard import Guard
from negatives.show.review.guideline import guideline
from negatives.show.review.pictures import Pictures
from negatives.show.review.standing import agreed, headway
from negatives.show.review.words import FOLDED, PIECE, SHORT, SHOWN, Texts, piece, visible, why
from negatives.store.run import Run

REVIEWER: Final = "negatives_reviewer"
"""The cookie that holds a reviewer's name."""
_LONGEST_NAME: Final = 80
_LONGEST_NOTE: Final = 2_000
_PARTIAL: Final = "x-part"
"""The header by which the page's script asks for the part that changes."""
_STATIC: Final = {
    "review.css": ("text/css", Path(__file__).with_name("review.css")),
    "review.js": ("text/javascript", Path(__file__).with_name("review.js")),
}
Endpoint = Callable[[Request], Any]


class Review:
    """The pages of one run; `app` is what a server serves.

    `order`: the order that is shown first. `suggested` is the name a reviewer is offered,
    `instructions` what the guideline says besides.
    """

    def __init__(
        self,
        run: Run,
        *,
        order: Order = "active",
        confidence: float = 0.95,
        twice: float = 0.1,
        suggested: str = "",
        instructions: str = "",
    ) -> None:
        collection = collection_of(run)
        self.desk = Desk(run, twice)
        self.forecast = Forecast(self.desk)
        self.order = order
        self.confidence = confidence
        self.suggested = suggested
        self.texts = Texts(collection)
        self.pictures = Pictures(collection)
        self.guideline = guideline(collection, self.pictures, instructions)

    def app(self, token: str, hosts: set[str]) -> Guard:
        """The application, guarded."""
        get, post = ["GET"], ["POST"]
        routes = [
            Route("/", self._told(self.start), methods=get),
            Route("/start", self._told(self.named), methods=post),
            Route("/judge", self._told(self.page), methods=get),
            Route("/verdict", self._told(self.verdict), methods=post),
            Route("/undo", self._told(self.undo), methods=post),
            Route("/skip", self._told(self.skip), methods=post),
            Route("/headway", self._told(self.headway), methods=get),
            Route("/text", self._told(self.text), methods=get),
            Route("/image", self._told(self.image), methods=get),
            Route("/guideline", self._told(self.guide), methods=get),
            Route("/summary", self._told(self.summary), methods=get),
            Route("/static/{name}", static, methods=get),
            Route("/favicon.ico", _no_icon, methods=get),
        ]
        return Guard(Starlette(routes=routes), token, hosts)

    async def start(self, request: Request) -> Response:
        """Who judges, and how; with a name known, on to the next pair."""
        return self._show("start.html.j2", request, name=_reviewer(request) or self.suggested)

    async def named(self, request: Request) -> Response:
        """Remember the reviewer's name in the browser, and show the first pair."""
        form = await _form(request)
        name = " ".join(visible(form.get("name", "")).split())[:_LONGEST_NAME]
        if not name:
            return RedirectResponse("/", 303)
        response = self._to(secrets.token_hex(6), _order(form.get("order"), self.order))
        response.set_cookie(REVIEWER, quote(name), httponly=True, samesite="strict")
        return response

    async def page(self, request: Request) -> Response:
        """The pair of a tab; a tab without a name gets one, so that no two show the same pair."""
        name = _reviewer(request)
        if not name:
            return RedirectResponse("/", 303)
        order = _order(request.query_params.get("order"), self.order)
        tab = request.query_params.get("tab", "")
        if not (tab.isalnum() and len(tab) <= 40):
            return self._to(secrets.token_hex(6), order)
        self.desk.catch_up()
        return self._pair(request, tab, self.desk.opened(tab, name, order))

    async def verdict(self, request: Request) -> Response:
        """Write a verdict, and show the next pair."""
        form, name, tab = await self._sent(request)
        pair, said = self.desk.named(form.get("pair", "")), form.get("verdict", "")
        if pair is None or said not in SAID:
            return self._problem("That pair is not among those of this run.", 400)
        note = form.get("note", "").strip()[:_LONGEST_NOTE]
        self.desk.judge(tab, pair, said, note, form.get("picks", ""))
        self.forecast.changed()
        return self._next(request, name, tab)

    async def undo(self, request: Request) -> Response:
        """Take the last verdict back, and show its pair again."""
        _, name, tab = await self._sent(request)
        self.desk.undo(tab)
        self.forecast.changed()
        return self._next(request, name, tab)

    async def skip(self, request: Request) -> Response:
        """Leave a pair for later."""
        form, name, tab = await self._sent(request)
        if (pair := self.desk.named(form.get("pair", ""))) is not None:
            self.desk.skip(tab, pair)
        return self._next(request, name, tab)

    async def headway(self, request: Request) -> Response:
        """How far it has come, alone: what is found out in the background comes with it."""
        self.desk.catch_up()
        name = _reviewer(request)
        order = _order(request.query_params.get("order"), self.order)
        return self._show("headway.html.j2", request, **self._headway(name, order))

    async def text(self, request: Request) -> Response:
        """A further part of a long text."""
        query = request.query_params
        pair = self.desk.named(query.get("pair", ""))
        side, at = query.get("side", ""), query.get("at", "0")
        if pair is None or side not in ("query", "doc", "positive") or not at.isdigit():
            return self._problem("There is no such text.", 404)
        if side == "positive":
            number, ids = query.get("number", "0"), self.texts.positives(pair[0])
            if not (number.isdigit() and len(number) < 9 and int(number) < len(ids)):
                return self._problem("There is no such text.", 404)
            whole = self.texts.whole("doc", ids[int(number)])
        else:
            whole = self.texts.whole(side, pair[0] if side == "query" else pair[1])
        part = piece(whole, int(at[:12]), PIECE)
        rest = {name: query[name] for name in ("pair", "side", "number") if name in query}
        return self._show("text.html.j2", request, part=part, link=_link(rest, part.end))

    async def image(self, request: Request) -> Response:
        """The image of a query or of a document."""
        side, id = (request.query_params.get(name, "") for name in ("side", "id"))
        with suppress(DataError):  # its path stands in its place
            if (made := await run_in_threadpool(self.pictures.drawn, side, id)) is not None:
                return Response(made[0], media_type=made[1])
        return Response("There is no such image.", 404)

    async def guide(self, request: Request) -> Response:
        """What the verdicts mean, with examples of the collection."""
        return self._show("guideline.html.j2", request, guideline=self.guideline)

    async def summary(self, request: Request) -> Response:
        """What has been judged, how far reviewers agree, and what to do with it."""
        self.desk.catch_up()
        name = _reviewer(request)
        return self._show(
            "summary.html.j2",
            request,
            agreement=agreed(self.desk),
            **self._headway(name, self.order),
        )

    def _told(self, endpoint: Endpoint) -> Endpoint:
        """An endpoint whose errors of ours become a page that says what to do."""

        async def whole(request: Request) -> Response:
            try:
                found: Response = await endpoint(request)
            except _NoName:
                return RedirectResponse("/", 303)
            except NegativesError as error:
                return self._problem(str(error), 500)
            except Exception as error:
                said = f"A fault of this package: {type(error).__name__}: {error}"
                return self._problem(f"{said}\nPlease report it. No verdict is lost.", 500)
            return found

        return whole

    async def _sent(self, request: Request) -> tuple[dict[str, str], str, Tab]:
        form, name = await _form(request), _reviewer(request)
        if not name:
            raise _NoName
        self.desk.catch_up()
        order = _order(form.get("order"), self.order)
        return form, form["tab"], self.desk.opened(form["tab"], name, order)

    def _next(self, request: Request, name: str, tab: Tab) -> Response:
        if _PARTIAL in request.headers:
            return self._pair(request, name, tab)
        return self._to(name, tab.order)

    def _pair(self, request: Request, name: str, tab: Tab) -> Response:
        pair = self.desk.shown(tab)
        shown = None if pair is None else self._shown(pair, tab)
        return self._show(
            "pair.html.j2" if _PARTIAL in request.headers else "judge.html.j2",
            request,
            pair=shown,
            tab=name,
            order=tab.order,
            other="random" if tab.order == "active" else "active",
            picks=self.desk.questions.picks,
            **self._headway(tab.reviewer, tab.order),
        )

    def _shown(self, pair: Pair, tab: Tab) -> dict[str, Any]:
        name, row = self.desk.name(pair), self.desk.row(pair)
        positives = self.texts.positives(pair[0])
        query, doc = self.texts.whole("query", pair[0]), self.texts.whole("doc", pair[1])
        per_query = self.desk.run.recipe.pick.per_query
        at = {"pair": name}
        parts = [
            (id, piece(self.texts.whole("doc", id), 0, SHORT), number)
            for number, id in enumerate(positives[:SHOWN])
        ]
        query_part, doc_part = piece(query, 0, FOLDED), piece(doc, 0, FOLDED)
        return {
            "name": name,
            "query_id": visible(pair[0]),
            "doc_id": visible(pair[1]),
            "query": query_part,
            "query_picture": self.pictures.of("query", pair[0]),
            "query_link": _link({**at, "side": "query"}, query_part.end),
            "doc": doc_part,
            "doc_picture": self.pictures.of("doc", pair[1]),
            "doc_link": _link({**at, "side": "doc"}, doc_part.end),
            "positives": [
                {
                    "id": visible(id),
                    "part": part,
                    "picture": self.pictures.of("doc", id),
                    "link": _link({**at, "side": "positive", "number": str(number)}, part.end),
                }
                for id, part, number in parts
            ],
            "more_positives": len(positives) - len(parts),
            "why": why(row, tab.order, self.desk.questions.unknown, per_query),
            "note": "",
        }

    def _headway(self, name: str, order: Order) -> dict[str, Any]:
        return {
            "reviewer": name,
            "headway": headway(self.desk, self.forecast, name, order, self.confidence),
            "run": visible(str(self.desk.run.path)),
            "said": SAID,
        }

    def _to(self, tab: str, order: str) -> RedirectResponse:
        return RedirectResponse("/judge?" + urlencode({"tab": tab, "order": order}), 303)

    def _show(self, page: str, request: Request, /, **values: Any) -> Response:
        whole = _PARTIAL not in request.headers
        made = template(f"review/{page}").render(whole=whole, default_order=self.order, **values)
        return HTMLResponse(made)

    def _problem(self, text: str, status: int) -> Response:
        page = template("review/problem.html.j2").render(text=text, whole=True)
        return HTMLResponse(page, status)


class _NoName(Exception):
    """Nobody has said who they are."""


async def static(request: Request) -> Response:
    """The style and the script."""
    found = _STATIC.get(request.path_params["name"])
    if found is None:
        return Response("There is no such file.", 404)
    kind, path = found
    return Response(path.read_bytes(), media_type=kind)


async def _no_icon(request: Request) -> Response:
    return Response(status_code=204)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, the last of each name; bytes that are no UTF-8 become marks."""
    body = (await request.body()).decode("utf-8", "replace")
    fields: dict[str, list[str]] = {}
    with suppress(ValueError):  # more fields than any form here has
        fields = parse_qs(body, keep_blank_values=True, max_num_fields=20, errors="replace")
    found = {name: values[-1] for name, values in fields.items()}
    tab = found.get("tab", "")
    found["tab"] = tab if tab.isalnum() and len(tab) <= 40 else secrets.token_hex(6)
    return found


def _reviewer(request: Request) -> str:
    name = unquote(request.cookies.get(REVIEWER, ""), errors="replace")
    return " ".join(visible(name).split())[:_LONGEST_NAME]


def _order(given: str | None, default: Order) -> Order:
    return given if given in ("active", "random") else default  # type: ignore[return-value]


def _link(query: dict[str, str], at: int) -> str:
    return "/text?" + urlencode({**query, "at": at})
