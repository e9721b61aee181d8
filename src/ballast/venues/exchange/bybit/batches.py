"""Endpoints for several orders at once: each is done or refused by itself, in order, and costs one of the budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from ballast.model.durations import MILLISECOND_NS
from ballast.venues.exchange.bybit import codes, params, trading
from ballast.venues.exchange.bybit.codes import Rejection, wrong
from ballast.venues.exchange.bybit.desk import Batch, Body, Desk
from ballast.venues.exchange.bybit.limits import RateLimit, order_limit
from ballast.venues.exchange.refusals import Refused

Handler = Callable[[Desk, int, params.Batch], Batch]


def batch(single: Callable[[Desk, int, Any], Body], of: type[params.Params], limit: RateLimit) -> Handler:
    """Return the handler that does ``single`` for each of a batch; the request itself has paid for the first."""

    def handle(desk: Desk, account: int, asked: params.Batch) -> Batch:
        desk.check_category(asked.category)
        rows, outcomes = [], []
        for number, fields in enumerate(asked.request):
            done: Body = {}
            code, words = codes.OK, "OK"
            try:
                if number:
                    desk.count(account, limit)
                done = single(desk, account, _one(fields, asked.category, of))
            except Rejection as error:
                code, words = error.code, error.message
            except Refused as error:
                code, words = desk.category.codes[error.refusal]
            rows.append(_row(desk, asked.category, fields, done))
            outcomes.append({"code": code, "msg": words})
        return Batch({"list": rows}, {"list": outcomes})

    return handle


def _one(fields: dict[str, Any], category: str, of: type[params.Params]) -> params.Params:
    try:
        return msgspec.convert({**fields, "category": category}, of, strict=False)
    except msgspec.ValidationError as error:
        raise wrong(f"params error: {error}"[:300]) from None


def _row(desk: Desk, category: str, fields: dict[str, Any], done: Body) -> Body:
    """Return what is told of one; what was refused has no ids but those that were sent."""
    row: Body = {"category": category, "symbol": str(fields.get("symbol", ""))[:40], "orderId": "", "orderLinkId": ""}
    row |= {name: str(fields[name])[:60] for name in ("orderId", "orderLinkId") if name in fields} | done
    return row | {"createAt": str(desk.venue.now_ns // MILLISECOND_NS) if done else ""}


create_limit, amend_limit, cancel_limit = (order_limit(f"{verb}-batch") for verb in ("create", "amend", "cancel"))
create_batch = batch(trading.create_order, params.CreateOrder, create_limit)
amend_batch = batch(trading.amend_order, params.AmendOrder, amend_limit)
cancel_batch = batch(trading.cancel_order, params.CancelOrder, cancel_limit)
