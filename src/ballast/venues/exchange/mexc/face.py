"""The face: a request in, an answer out. No sockets here, so that every answer can be asked for directly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from ballast.venues.exchange.faces import Answer, Request
from ballast.venues.exchange.mexc import codes
from ballast.venues.exchange.mexc.codes import Rejection, Throttled, of_refusal, wrong
from ballast.venues.exchange.mexc.desk import Body, Desk
from ballast.venues.exchange.mexc.endpoints import BY_ROUTE, Endpoint
from ballast.venues.exchange.mexc.signing import caller_of
from ballast.venues.exchange.refusals import Refused

LONGEST_MESSAGE = 300
"""Of an error's words: what a client sent comes back in part."""
CONTENT_TYPES = {"", "application/json", "application/x-www-form-urlencoded"}


def answer(desk: Desk, request: Request) -> Answer:
    """Answer a request; whatever it holds, the answer has the venue's shape."""
    endpoint = BY_ROUTE.get((request.method, request.path))
    if endpoint is None:
        return failed(404, codes.NOT_FOUND, "Not Found")
    try:
        return _encoded(200, _perform(desk, endpoint, request))
    except Throttled as error:
        return failed(error.status, error.code, error.message, {"Retry-After": str(error.wait_s)})
    except Rejection as error:
        return failed(error.status, error.code, error.message)


def failed(status: int, code: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an error in the venue's shape."""
    return _encoded(status, {"code": code, "msg": message}, headers)


def _perform(desk: Desk, endpoint: Endpoint, request: Request) -> Body:
    asked, body = _parameters(request)
    weight, name = endpoint.weight, f"{endpoint.method} {endpoint.path}"
    if endpoint.weight_of_all and not asked.get("symbol"):
        weight = endpoint.weight_of_all
    desk.limits.count_address(request.address, name, weight, desk.wall_ms)
    account = -1
    if endpoint.is_private:
        account = caller_of(request.headers, request.query, body, asked, desk.keys, desk.wall_ms).account
        desk.limits.count_account(account, name, weight, desk.wall_ms)
    try:
        return endpoint.handler(desk, account, msgspec.convert(asked, endpoint.params, strict=False))
    except msgspec.ValidationError as error:
        raise _of_field(str(error)) from None
    except Refused as error:
        raise of_refusal(error.refusal) from None


def _of_field(words: str) -> Rejection:
    """Return what is said of a parameter of the wrong form."""
    if "newClientOrderId" in words or "origClientOrderId" in words:
        return Rejection(codes.ILLEGAL_CHARACTERS, f"Illegal characters found in parameter: {words}"[:LONGEST_MESSAGE])
    return wrong(words[:LONGEST_MESSAGE])


def _parameters(request: Request) -> tuple[dict[str, str], str]:
    """Return a request's parameters, those of the query before those of the body, and the body's text."""
    asked = dict(parse_qsl(request.query, keep_blank_values=True))
    if request.method == "GET":
        return asked, ""
    kind = request.headers.get("CONTENT-TYPE", "").partition(";")[0].strip().lower()
    if kind not in CONTENT_TYPES:
        raise Rejection(codes.WRONG_CONTENT_TYPE, "Invalid content Type.")
    body = request.body.decode("utf-8", "replace")
    return {**_of_body(body), **asked}, body


def _of_body(body: str) -> dict[str, str]:
    """Return the parameters of a body, which is a form or a JSON object; raises ``Rejection``."""
    if not body.startswith("{"):
        return dict(parse_qsl(body, keep_blank_values=True))
    try:
        fields = msgspec.json.decode(body, type=dict[str, str | int | float])
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        raise wrong("the body is no JSON object of texts and numbers") from None
    return {name: str(value) for name, value in fields.items()}


def _encoded(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, msgspec.json.encode(body), headers or {})
