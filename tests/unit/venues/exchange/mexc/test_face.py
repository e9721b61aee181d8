"""REST: who may ask, how often, and what is answered to whatever comes."""

from __future__ import annotations

import json
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.model.errors import ConfigError
from ballast.venues.exchange.faces import Request
from ballast.venues.exchange.keys import sign
from ballast.venues.exchange.mexc.codes import Rejection
from ballast.venues.exchange.mexc.desk import Desk
from ballast.venues.exchange.mexc.endpoints import ENDPOINTS, Endpoint
from ballast.venues.exchange.mexc.face import answer
from ballast.venues.exchange.mexc.limits import FIRST_BAN_MS, PATIENCE
from ballast.venues.exchange.mexc.params import amount
from tests.unit.venues.exchange.markets import START_NS, flat, market
from tests.unit.venues.exchange.mexc.desks import WALL_MS, body, code, desk, get, send, signed

START_MS = START_NS // 1_000_000
PRIVATE = [endpoint for endpoint in ENDPOINTS if endpoint.is_private]
KEY = {"X-MEXC-APIKEY": "key-0"}


def code_of(query: str, headers: dict[str, str] = KEY, method: str = "GET", text: bytes = b"") -> int | None:
    given_ = body(answer(desk(), Request(method, "/api/v3/openOrders", query, headers, text)))
    return given_["code"] if isinstance(given_, dict) else None


@pytest.mark.parametrize(
    ("query", "headers", "code"),
    [
        (signed({}), {}, 400),
        (signed({}), {"X-MEXC-APIKEY": "nobody"}, 10072),
        (f"timestamp={WALL_MS}", KEY, 700004),
        (f"signature={'0' * 64}", KEY, 700004),
        (f"timestamp=now&signature={'0' * 64}", KEY, 700004),
        (f"timestamp={WALL_MS}&signature={'0' * 64}", KEY, 700002),
        (f"timestamp={WALL_MS}&signature={sign('secret-0', f'timestamp={WALL_MS}').upper()}", KEY, 700002),
        (signed({}) + "&symbol=AAAUSDT", KEY, 700002),
        (signed({"recvWindow": 60_001}), KEY, 700005),
        (signed({"recvWindow": 60_000}, stamp=WALL_MS - 60_000), KEY, None),
        (f"timestamp={WALL_MS}&signature=%C3%A9", KEY, 700002),
    ],
)
def test_a_request_that_is_not_signed_rightly_is_refused(query: str, headers: dict[str, str], code: int) -> None:
    assert code_of(query, headers) == code


@pytest.mark.parametrize("endpoint", PRIVATE, ids=lambda one: f"{one.method} {one.path}")
def test_no_private_endpoint_answers_without_a_signature(endpoint: Endpoint) -> None:
    given_ = answer(desk(), Request(endpoint.method, endpoint.path, "", {}))
    assert (given_.status, body(given_)["code"]) == (400, 400)


@pytest.mark.parametrize(
    ("lag_ms", "code"), [(-5_000, None), (-5_001, 700003), (0, None), (999, None), (1_000, 700003)]
)
def test_the_clock_rule_is_the_window_behind_and_less_than_a_second_ahead(lag_ms: int, code: int | None) -> None:
    assert code_of(signed({}, stamp=WALL_MS + lag_ms)) == code


def test_the_venues_own_example_of_a_signature_over_query_and_body() -> None:
    of = desk()
    query, text = "symbol=AAAUSDT&side=BUY&type=LIMIT", f"quantity=1&price=99&recvWindow=5000&timestamp={WALL_MS}"
    signature = sign("secret-0", query + text)
    form = KEY | {"CONTENT-TYPE": "application/x-www-form-urlencoded"}
    request = Request("POST", "/api/v3/order", query, form, f"{text}&signature={signature}".encode())
    assert body(answer(of, request)).get("price") == "99.00"
    # The secret, the text and the signature of the documentation's third example.
    example = "45d0b3c26f2644f19bfb98b07741b2f5"
    documented = "symbol=BTCUSDT&side=BUY&type=LIMITquantity=1&price=11&recvWindow=5000&timestamp=1644489390087"
    assert sign(example, documented) == "d1a676610ceb39174c8039b3f548357994b2a34139a8addd33baadba65684592"


def test_what_stands_in_query_and_body_counts_as_in_the_query() -> None:
    of = desk()
    query = f"quantity=2&timestamp={WALL_MS}"
    text = json.dumps({"symbol": "AAAUSDT", "side": "BUY", "type": "LIMIT", "quantity": 1, "price": 98.5})
    query += f"&signature={sign('secret-0', query + text)}"
    request = Request("POST", "/api/v3/order", query, KEY | {"CONTENT-TYPE": "application/json"}, text.encode())
    given_ = body(answer(of, request))
    assert (given_["origQty"], given_["price"]) == ("2.000", "98.50")
    wrong = Request("POST", "/api/v3/order", query, KEY | {"CONTENT-TYPE": "text/plain"}, text.encode())
    assert body(answer(of, wrong))["code"] == 700013


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/v3/nothing"), ("POST", "/api/v3/ping"), ("GET", "/"), ("PATCH", "/api/v3/order")]
)
def test_an_unknown_endpoint_is_not_found_in_the_venues_shape(method: str, path: str) -> None:
    given_ = answer(desk(), Request(method, path, "", {}))
    assert (given_.status, body(given_)) == (404, {"code": 404, "msg": "Not Found"})


def test_an_address_that_asks_too_much_is_told_to_wait_and_then_banned() -> None:
    of = desk(limits=True)
    for _ in range(300):
        assert get(of, "ping") == {}
    given_ = answer(of, Request("GET", "/api/v3/ping", "", {}))
    assert (given_.status, given_.headers.get("Retry-After"), body(given_)["code"]) == (429, "10", 429)
    # Another endpoint has a budget of its own, another address too.
    assert get(of, "time")["serverTime"] == WALL_MS
    assert answer(of, Request("GET", "/api/v3/ping", "", {}, address="127.0.0.2")).status == 200
    for _ in range(PATIENCE + 1):
        answer(of, Request("GET", "/api/v3/ping", "", {}))
    banned = answer(of, Request("GET", "/api/v3/time", "", {}))
    assert (banned.status, banned.headers.get("Retry-After")) == (418, str(FIRST_BAN_MS // 1_000))
    of.wall_ms += FIRST_BAN_MS
    assert get(of, "ping") == {}


def test_heavy_requests_weigh_more_and_some_are_counted_by_the_second() -> None:
    of = desk(limits=True)
    for _ in range(30):
        assert isinstance(get(of, "exchangeInfo"), dict)
    assert code(get(of, "exchangeInfo")) == 429
    assert [answer(of, Request("GET", "/api/v3/ticker/24hr", "", {})).status for _ in range(8)] == [200] * 7 + [429]
    statuses = [send(of, "GET", "account").status for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert send(of, "GET", "account", account=1).status == 200
    of.wall_ms += 1_000
    assert answer(of, Request("GET", "/api/v3/account", signed({}, stamp=of.wall_ms), KEY)).status == 200


def test_a_market_that_one_purse_cannot_trade_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"AAAUSDT\.lot_step"):
        desk(market(flat(100.0, 1), lot="10"))
    with pytest.raises(ConfigError, match="one"):
        desk(market(flat(100.0, 1), flat(50.0, 1), names=("AAAUSDT", "BBBUSDC")))


@cache
def fuzzed() -> Desk:
    return desk()


texts = st.text(max_size=12) | st.sampled_from([
    "AAAUSDT",
    "BUY",
    "LIMIT",
    "MARKET",
    "1",
    "99",
    "0",
    "-1",
    "1e999",
    "nan",
    "1m",
    '[{"symbol":"AAAUSDT"}]',
])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_a_request_holds_the_answer_has_the_venues_shape(data: st.DataObject) -> None:
    of = fuzzed()
    endpoint = data.draw(st.sampled_from(ENDPOINTS))
    fields = [field.encode_name for field in msgspec.structs.fields(endpoint.params)] or ["symbol"]
    asked = data.draw(st.dictionaries(st.sampled_from(fields) | texts, texts, max_size=6))
    if data.draw(st.booleans()):
        asked |= {"symbol": "AAAUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1", "price": "60"}
    query = urlencode({
        name.encode("utf-8", "replace"): text.encode("utf-8", "replace") for name, text in asked.items()
    })
    query = f"{query}&timestamp={WALL_MS}"
    query += f"&signature={sign('secret-0', query)}"
    given_ = answer(of, Request(endpoint.method, endpoint.path, query, KEY))
    decoded = body(given_)
    assert given_.status in {200, 400}
    if given_.status == 400:
        assert set(decoded) == {"code", "msg"}
        assert isinstance(decoded["code"], int)
    of.venue.take_updates()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.binary(max_size=60), st.sampled_from(["GET", "POST", "PUT", "DELETE"]))
def test_no_query_or_body_crashes_the_face(query: str, text: bytes, method: str) -> None:
    of = fuzzed()
    n_orders = len(of.venue.orders.all)
    for path in ("/api/v3/order", "/api/v3/userDataStream", "/api/v3/klines", f"/{quote(query)}"):
        given_ = answer(of, Request(method, path, query, KEY | {"CONTENT-TYPE": "application/json"}, text))
        assert set(body(given_)) == {"code", "msg"}
    assert len(of.venue.orders.all) == n_orders


@given(st.floats() | st.text(max_size=8))
def test_only_a_plain_number_above_zero_is_an_amount(value: Any) -> None:
    try:
        number = amount(str(value), "quantity")
    except Rejection:
        return
    assert 0.0 < number < float("inf")
