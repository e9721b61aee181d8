"""A desk of spot accounts with keys, and a client that signs: requests go straight to the face, without sockets."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from ballast.model.enums import AccountKind
from ballast.venues.exchange.faces import Answer, Request
from ballast.venues.exchange.keys import ApiKey, sign
from ballast.venues.exchange.market import Market
from ballast.venues.exchange.mexc.desk import Desk
from ballast.venues.exchange.mexc.face import answer
from ballast.venues.exchange.mexc.limits import RateLimits
from tests.unit.venues.exchange.markets import flat, market, venue

WALL_MS = 1_790_000_000_000
FEE_RATE = 0.0005


def desk(
    of: Market | None = None,
    *,
    n_accounts: int = 2,
    limits: bool = False,
    closed: tuple[str, ...] = (),
    **terms: Any,
) -> Desk:
    """Return a desk over a flat market at 100 and one at 50, unless another is given."""
    terms = {"leverage": 1.0, "maker_fee_rate": 0.0, "taker_fee_rate": FEE_RATE} | terms
    at = venue(of or market(flat(100.0, 3), flat(50.0, 3)), n_accounts=n_accounts, kind=AccountKind.SPOT, **terms)
    keys = {f"key-{k}": ApiKey(f"key-{k}", f"secret-{k}", k) for k in range(n_accounts)}
    return Desk(at, keys, RateLimits(is_on=limits), frozenset(closed), WALL_MS)


def signed(asked: dict[str, Any], *, account: int = 0, stamp: int = WALL_MS) -> str:
    """Return a query with its time and signature."""
    text = urlencode(asked | {"timestamp": stamp})
    return f"{text}&signature={sign(f'secret-{account}', text)}"


def send(of: Desk, method: str, path: str, *, account: int = 0, **asked: Any) -> Answer:
    headers = {"X-MEXC-APIKEY": f"key-{account}", "CONTENT-TYPE": "application/json"}
    return answer(of, Request(method, f"/api/v3/{path}", signed(asked, account=account), headers))


def ask(of: Desk, method: str, path: str, **asked: Any) -> Any:
    return body(send(of, method, path, **asked))


def get(of: Desk, path: str, **asked: Any) -> Any:
    """Ask for what needs no signature."""
    return body(answer(of, Request("GET", f"/api/v3/{path}", urlencode(asked), {})))


def order(of: Desk, path: str = "order", **changed: Any) -> Any:
    """Send a limit buy of 1 at 99, or what is changed of it; "" leaves a field out."""
    plain = {"symbol": "AAAUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1", "price": "99"}
    asked = {name: value for name, value in (plain | changed).items() if value != ""}
    return ask(of, "POST", path, **asked)


def body(given: Answer) -> Any:
    return json.loads(given.body)


def code(given: Any) -> int | None:
    """Return the code of an error; None for what is none."""
    return given.get("code") if isinstance(given, dict) else None
