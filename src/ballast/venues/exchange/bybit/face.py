"""The face: a request in, an answer out. No sockets here, so that every answer can be asked for directly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from ballast.venues.exchange.bybit import codes
from ballast.venues.exchange.bybit.codes import Rejection
from ballast.venues.exchange.bybit.desk import Batch, Body, Desk
from ballast.venues.exchange.bybit.endpoints import BY_ROUTE, TRADE_OPERATIONS, Endpoint
from ballast.venues.exchange.bybit.limits import AddressBanned
from ballast.venues.exchange.bybit.signing import DEFAULT_WINDOW_MS, caller_of, is_in_time
from ballast.venues.exchange.faces import Answer, Request
from ballast.venues.exchange.refusals import Refused

LONGEST_MESSAGE = 300
"""Of an error's words: what a client sent comes back in part."""


def answer(desk: Desk, request: Request) -> Answer:
    """Answer a request; whatever it holds, the answer has the venue's shape."""
    try:
        desk.limits.count_address(request.address, desk.wall_ms)
    except AddressBanned:
        return _enveloped(desk, 403, codes.TOO_MANY_VISITS, "access too frequent, please try again later", {})
    endpoint = BY_ROUTE.get((request.method, request.path))
    if endpoint is None:
        return _enveloped(desk, 404, codes.NOT_FOUND, "path not found", {})
    headers: dict[str, str] = {}
    try:
        account = -1
        if endpoint.limit is not None:
            account = caller_of(request.headers, _signed_part(request), desk.keys, desk.wall_ms).account
            headers = desk.limits.headers(account, desk.budget(endpoint.limit), desk.wall_ms)
            headers = desk.count(account, endpoint.limit)
        result = perform(desk, endpoint, account, _raw_params(request))
    except Rejection as error:
        return _enveloped(desk, 200, error.code, error.message, {}, headers)
    if isinstance(result, Batch):
        return _enveloped(desk, 200, codes.OK, "OK", result.result, headers, result.outcomes)
    return _enveloped(desk, 200, codes.OK, "OK", result, headers)


def perform(desk: Desk, endpoint: Endpoint, account: int, raw: Mapping[str, Any]) -> Body | Batch:
    """Check parameters and do what an endpoint does; raises ``Rejection``."""
    try:
        asked = msgspec.convert(raw, endpoint.params, strict=False)
        return endpoint.handler(desk, account, asked)
    except msgspec.ValidationError as error:
        raise codes.wrong(f"params error: {error}"[:LONGEST_MESSAGE]) from None
    except Refused as error:
        raise Rejection(*desk.category.codes[error.refusal]) from None


def trade(desk: Desk, account: int, message: Mapping[str, Any]) -> Body | Batch:
    """Do one operation of the trade socket; raises ``Rejection``."""
    endpoint = TRADE_OPERATIONS.get(str(message.get("op")))
    if endpoint is None or endpoint.limit is None:
        raise Rejection(codes.UNKNOWN_REQUEST, "op type is not found")
    header, arguments = message.get("header"), message.get("args")
    stamp = str(header.get("X-BAPI-TIMESTAMP", "")) if isinstance(header, dict) else ""
    if not is_in_time(stamp, str(DEFAULT_WINDOW_MS), desk.wall_ms):
        raise Rejection(codes.TIMESTAMP_OUT_OF_WINDOW, "The request time exceeds the time window range.")
    if not isinstance(arguments, list) or len(arguments) != 1 or not isinstance(arguments[0], dict):
        raise codes.wrong("params error: args must hold one order")
    desk.count(account, endpoint.limit)
    return perform(desk, endpoint, account, arguments[0])


def malformed(desk: Desk, status: int, message: str) -> Answer:
    """Return the answer to what is no request at all."""
    return _enveloped(desk, status, codes.PARAMETER_ERROR, message, {})


def failed(desk: Desk, error: Rejection, headers: Mapping[str, str] | None = None) -> Answer:
    """Return the answer of a venue that cannot, or will not."""
    return _enveloped(desk, 200, error.code, error.message, {}, headers)


def broken(desk: Desk) -> Answer:
    """Return the answer where the exchange itself has failed."""
    return _enveloped(desk, 500, codes.SERVER_ERROR, "Server error.", {})


def _signed_part(request: Request) -> str:
    return request.query if request.method == "GET" else request.body.decode("utf-8", "replace")


def _raw_params(request: Request) -> Mapping[str, Any]:
    if request.method == "GET":
        return dict(parse_qsl(request.query, keep_blank_values=True))
    try:
        raw = msgspec.json.decode(request.body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise codes.wrong("Request parameter error: the body is not JSON") from None
    if not isinstance(raw, dict):
        raise codes.wrong("Request parameter error: the body is not a JSON object")
    return raw


def _enveloped(
    desk: Desk,
    status: int,
    code: int,
    message: str,
    result: Body,
    headers: Mapping[str, str] | None = None,
    outcomes: Body | None = None,
) -> Answer:
    body = {"retCode": code, "retMsg": message, "result": result, "retExtInfo": outcomes or {}, "time": desk.wall_ms}
    return Answer(status, msgspec.json.encode(body), headers or {})
