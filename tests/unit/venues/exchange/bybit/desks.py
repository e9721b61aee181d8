"""A desk with keys, and a client that signs: requests go straight to the face, without sockets."""

from __future__ import annotations

import json
from typing import Any

from ballast.model.enums import AccountKind, PositionMode
from ballast.venues.exchange.bybit.desk import Desk
from ballast.venues.exchange.bybit.face import answer
from ballast.venues.exchange.bybit.limits import RateLimits
from ballast.venues.exchange.faces import Answer, Request
from ballast.venues.exchange.keys import ApiKey, sign
from ballast.venues.exchange.market import Market
from ballast.venues.exchange.venue import LocalVenue
from tests.unit.venues.exchange.markets import flat, market, venue

WALL_MS = 1_790_000_000_000
WINDOW = "5000"


def desk(
    of: Market | None = None,
    *,
    n_accounts: int = 2,
    mode: PositionMode = PositionMode.ONE_WAY,
    limits: bool = False,
    is_spot: bool = False,
    **terms: Any,
) -> Desk:
    """Return a desk over a flat market at 100 and one at 50, unless another is given."""
    if is_spot:
        terms = {"kind": AccountKind.SPOT, "leverage": 1.0, "maker_fee_rate": 0.001, "taker_fee_rate": 0.001} | terms
    local: LocalVenue = venue(of or market(flat(100.0, 3), flat(50.0, 3)), n_accounts=n_accounts, mode=mode, **terms)
    keys = {f"key-{k}": ApiKey(f"key-{k}", f"secret-{k}", k) for k in range(n_accounts)}
    return Desk(local, keys, RateLimits(is_on=limits), WALL_MS)


def headers(payload: str, *, account: int = 0, stamp: int = WALL_MS, **changed: str) -> dict[str, str]:
    signature = sign(f"secret-{account}", f"{stamp}key-{account}{WINDOW}{payload}")
    return {
        "X-BAPI-API-KEY": f"key-{account}",
        "X-BAPI-TIMESTAMP": str(stamp),
        "X-BAPI-RECV-WINDOW": WINDOW,
        "X-BAPI-SIGN": signature,
    } | changed


def get(of: Desk, path: str, query: str = "", *, account: int = 0) -> dict[str, Any]:
    return body(answer(of, Request("GET", f"/v5/{path}", query, headers(query, account=account))))


def post(of: Desk, path: str, *, account: int = 0, **parameters: Any) -> dict[str, Any]:
    text = json.dumps(parameters)
    return body(answer(of, Request("POST", f"/v5/{path}", "", headers(text, account=account), text.encode())))


def order(of: Desk, *, account: int = 0, **changed: Any) -> dict[str, Any]:
    """Send a limit buy of 1 at 99, or what is changed of it."""
    plain = {
        "category": of.category.name,
        "symbol": "AAAUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "qty": "1",
        "price": "99",
    }
    return post(of, "order/create", account=account, **plain | changed)


def body(given: Answer) -> dict[str, Any]:
    return dict(json.loads(given.body))


def listed(given: dict[str, Any]) -> list[Any]:
    assert given["retCode"] == 0, given
    return list(given["result"]["list"])
