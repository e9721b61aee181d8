"""REST answers: who may ask, what is refused with which code, and what rows hold."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.model.enums import PositionMode
from ballast.venues.exchange.bybit.codes import CODES, SPOT_CODES
from ballast.venues.exchange.bybit.desk import Desk
from ballast.venues.exchange.bybit.endpoints import ENDPOINTS, Endpoint
from ballast.venues.exchange.bybit.face import answer
from ballast.venues.exchange.bybit.params import number
from ballast.venues.exchange.bybit.wire import order_id, order_number
from ballast.venues.exchange.faces import Request
from ballast.venues.exchange.refusals import Refusal
from tests.unit.venues.exchange.bybit.desks import WALL_MS, body, desk, get, headers, listed, order, post
from tests.unit.venues.exchange.markets import MINUTE_NS, SECOND_NS, START_NS, flat, line, market

LINEAR = "category=linear&symbol=AAAUSDT"
PRIVATE = [endpoint for endpoint in ENDPOINTS if endpoint.is_private]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"X-BAPI-API-KEY": "nobody"}, 10003),
        ({"X-BAPI-SIGN": "0" * 64}, 10004),
        ({"X-BAPI-SIGN": "é"}, 10004),
        ({"X-BAPI-RECV-WINDOW": "6000"}, 10004),
        ({"X-BAPI-TIMESTAMP": "now"}, 10002),
        ({"X-BAPI-TIMESTAMP": ""}, 10002),
    ],
)
def test_a_request_that_is_not_signed_rightly_is_refused(changed: dict[str, str], code: int) -> None:
    query = "accountType=UNIFIED"
    request = Request("GET", "/v5/account/wallet-balance", query, headers(query) | changed)
    assert body(answer(desk(), request))["retCode"] == code


@pytest.mark.parametrize("endpoint", PRIVATE, ids=lambda one: one.path)
def test_no_private_endpoint_answers_without_a_signature(endpoint: Endpoint) -> None:
    assert body(answer(desk(), Request(endpoint.method, endpoint.path, "", {})))["retCode"] == 10003


@pytest.mark.parametrize(("lag_ms", "code"), [(-5_000, 0), (-5_001, 10002), (0, 0), (999, 0), (1_000, 10002)])
def test_the_clock_rule_is_the_window_behind_and_less_than_a_second_ahead(lag_ms: int, code: int) -> None:
    query = "accountType=UNIFIED"
    request = Request("GET", "/v5/account/wallet-balance", query, headers(query, stamp=WALL_MS + lag_ms))
    assert body(answer(desk(), request))["retCode"] == code


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v5/nothing"), ("POST", "/v5/market/time"), ("GET", "/"), ("PUT", "/v5/order/create")]
)
def test_an_unknown_endpoint_is_not_found_in_the_venues_shape(method: str, path: str) -> None:
    given_ = answer(desk(), Request(method, path, "", {}))
    assert (given_.status, body(given_)["retCode"]) == (404, 404)


@pytest.mark.parametrize("text", ["", "{", "[1]", '"x"', "[" * 5_000, "\x00", '{"category": 1e999}', '{"qty": ["1"]}'])
def test_a_body_that_is_no_order_is_a_parameter_error(text: str) -> None:
    of = desk()
    request = Request("POST", "/v5/order/create", "", headers(text), text.encode())
    assert body(answer(of, request))["retCode"] == 10001
    assert of.venue.orders.all == {}


@cache
def fuzzed(*, is_spot: bool) -> Desk:
    return desk(is_spot=is_spot)


texts = st.text(max_size=12) | st.sampled_from([
    "linear",
    "spot",
    "AAAUSDT",
    "Buy",
    "Limit",
    "1",
    "99",
    "0",
    "-1",
    "1e999",
    "nan",
])
values = texts | st.integers(-(10**20), 10**20) | st.booleans() | st.none() | st.floats() | st.lists(texts, max_size=2)


def fields_of(endpoint: Endpoint) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(endpoint.params)]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_a_request_holds_the_answer_has_the_venues_shape(data: st.DataObject) -> None:
    of = fuzzed(is_spot=data.draw(st.booleans()))
    endpoint = data.draw(st.sampled_from(ENDPOINTS))
    names = st.sampled_from(fields_of(endpoint)) if fields_of(endpoint) else st.just("category")
    asked = data.draw(st.dictionaries(names | texts, values, max_size=6))
    if data.draw(st.booleans()):
        asked |= {"category": of.category.name, "symbol": "AAAUSDT"}
    if endpoint.method == "GET":
        query = "&".join(f"{name}={value}" for name, value in asked.items()).encode("ascii", "ignore").decode()
        request = Request("GET", endpoint.path, query, headers(query))
    else:
        text = json.dumps(asked)
        request = Request("POST", endpoint.path, "", headers(text), text.encode())
    given_ = body(answer(of, request))
    assert set(given_) == {"retCode", "retMsg", "result", "retExtInfo", "time"}
    assert isinstance(given_["retCode"], int)
    of.venue.take_updates()


def test_every_refusal_of_the_venue_has_a_code() -> None:
    assert set(Refusal) == set(CODES) == set(SPOT_CODES)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"positionIdx": 1}, 10001),
        ({"qty": "0.0005"}, 10001),
        ({"qty": "1e5"}, 10001),
        ({"qty": "NaN"}, 10001),
        ({"qty": "1e308"}, 10001),
        ({"price": "1e308"}, 110003),
        ({"side": "Sell", "price": "1e308"}, 110003),
        ({"triggerPrice": "1e308", "triggerDirection": 1}, 110003),
        ({"qty": "1_0"}, 10001),
        ({"qty": 1}, 10001),
        ({"side": "buy"}, 10001),
        ({"category": "spot"}, 10001),
        ({"symbol": "NOUSDT"}, 10001),
        ({"orderLinkId": "a b"}, 10001),
        ({"orderLinkId": "x" * 37}, 10001),
        ({"triggerPrice": "101"}, 10001),
        ({"triggerPrice": "101", "triggerDirection": 1, "triggerBy": "MarkPrice"}, 10001),
        ({"takeProfit": "105", "tpslMode": "Partial"}, 10001),
        ({"takeProfit": "105", "tpLimitPrice": "104"}, 10001),
        ({"takeProfit": "90"}, 10001),
        ({"stopLoss": "100"}, 10001),
        ({"side": "Sell", "takeProfit": "110"}, 10001),
        ({"orderLinkId": "a\n"}, 10001),
        ({"slippageTolerance": "1", "slippageToleranceType": "Percent"}, 10001),
        ({"bboSideType": "Queue", "bboLevel": "1"}, 10001),
        ({"smpType": "CancelMaker"}, 10001),
        ({"qty": "0.05"}, 110094),
        ({"qty": "5000"}, 110007),
        ({"price": "-1"}, 110003),
        ({"reduceOnly": True}, 110017),
        ({"triggerPrice": "99", "triggerDirection": 1}, 110092),
        ({"triggerPrice": "101", "triggerDirection": 2}, 110093),
    ],
)
def test_each_fault_of_an_order_has_its_code(changed: dict[str, Any], code: int) -> None:
    of = desk()
    assert order(of, **changed)["retCode"] == code
    assert of.venue.take_updates() == []


@pytest.mark.parametrize(("index", "code"), [(0, 10001), (1, 0), (2, 110017), (3, 10001)])
def test_in_hedge_mode_an_order_names_its_leg(index: int, code: int) -> None:
    # A buy of the short leg closes it, and there is none.
    assert order(desk(mode=PositionMode.HEDGE), positionIdx=index)["retCode"] == code


def test_a_link_id_names_one_order_for_ever() -> None:
    of = desk()
    first = order(of, orderLinkId="mine")["result"]
    assert order(of, orderLinkId="mine")["retCode"] == 110072
    (row,) = listed(get(of, "order/realtime", f"{LINEAR}&orderLinkId=mine"))
    assert (row["orderId"], row["orderStatus"], row["leavesQty"]) == (first["orderId"], "New", "1.000")


def test_one_account_sees_and_touches_nothing_of_another() -> None:
    of = desk()
    made = order(of)["result"]["orderId"]
    assert listed(get(of, "order/realtime", LINEAR, account=1)) == []
    answer_ = post(of, "order/cancel", account=1, category="linear", symbol="AAAUSDT", orderId=made)
    assert answer_["retCode"] == 110001


def test_an_order_is_amended_and_cancelled_by_either_id() -> None:
    of = desk()
    made = order(of, orderLinkId="mine")["result"]
    which: dict[str, Any] = {"category": "linear", "symbol": "AAAUSDT"}
    assert post(of, "order/amend", **which, orderLinkId="mine", price="98.5", qty="2")["retCode"] == 0
    (row,) = listed(get(of, "order/realtime", LINEAR))
    assert (row["price"], row["qty"]) == ("98.50", "2.000")
    assert post(of, "order/amend", **which, orderLinkId="mine", price="98.5")["retCode"] == 10001
    assert post(of, "order/cancel", **which, orderId=made["orderId"])["retCode"] == 0
    assert post(of, "order/cancel", **which, orderId=made["orderId"])["retCode"] == 110001
    assert post(of, "order/cancel", **which)["retCode"] == 10001


@pytest.mark.parametrize("more", [{"takeProfit": "110"}, {"stopLoss": "0"}, {"triggerBy": "MarkPrice"}])
def test_an_amendment_that_the_exchange_cannot_make_is_refused_whole(more: dict[str, str]) -> None:
    of = desk()
    order(of, orderLinkId="mine")
    asked: dict[str, Any] = {"category": "linear", "symbol": "AAAUSDT", "orderLinkId": "mine", "price": "98.5"}
    assert post(of, "order/amend", **(asked | more))["retCode"] == 10001
    (row,) = listed(get(of, "order/realtime", LINEAR))
    assert row["price"] == "99.00"


def test_no_number_is_told_with_an_exponent() -> None:
    large = market(flat(100.0, 3))
    large.tiers["upper_value"][0] = 2_000_000.0
    of = desk(large, maker_fee_rate=0.00005)
    order(of, orderType="Market")
    paths = ("market/instruments-info", "market/risk-limit", "account/fee-rate", "position/list")
    told = [str(listed(get(of, path, LINEAR))) for path in paths]
    assert "'makerFeeRate': '0.00005'" in told[2]
    assert "'riskLimitValue': '2000000'" in told[3]
    assert not re.search(r"'[0-9.]+e[+-]?[0-9]+'", " ".join(told))


def test_cancel_all_must_say_of_what_and_does_it() -> None:
    of = desk()
    order(of)
    order(of, triggerPrice="101", triggerDirection=1)
    order(of, symbol="BBBUSDT", price="49")
    assert post(of, "order/cancel-all", category="linear")["retCode"] == 10001
    stops = post(of, "order/cancel-all", category="linear", symbol="AAAUSDT", orderFilter="StopOrder")
    assert len(listed(stops)) == 1
    assert len(listed(post(of, "order/cancel-all", category="linear", settleCoin="USDT"))) == 2
    assert listed(get(of, "order/realtime", "category=linear&settleCoin=USDT")) == []


def test_orders_come_newest_first_in_pages() -> None:
    of = desk()
    for k in range(5):
        order(of, orderLinkId=f"o{k}")
    seen, cursor = [], ""
    for _ in range(3):
        page = get(of, "order/realtime", f"{LINEAR}&limit=2&cursor={cursor}")
        seen.append([row["orderLinkId"] for row in listed(page)])
        cursor = page["result"]["nextPageCursor"]
    assert (seen, cursor) == ([["o4", "o3"], ["o2", "o1"], ["o0"]], "")


def test_orders_that_ended_without_a_fill_are_forgotten_after_a_day() -> None:
    days = market(flat(100.0, 3 * 1440))
    of = desk(days)
    order(of, orderType="Market", orderLinkId="filled")
    order(of, orderLinkId="gone")
    post(of, "order/cancel-all", category="linear", symbol="AAAUSDT")

    def names() -> list[str]:
        return [row["orderLinkId"] for row in listed(get(of, "order/history", LINEAR))]

    of.venue.advance_to(START_NS + 1_440 * MINUTE_NS)
    assert names() == ["gone", "filled"]
    of.venue.advance_to(START_NS + 1_441 * MINUTE_NS)
    assert names() == ["filled"]


def test_a_flat_leg_has_an_empty_side_and_is_listed_for_its_symbol_alone() -> None:
    of = desk(mode=PositionMode.HEDGE)
    order(of, orderType="Market", positionIdx=1)
    legs = listed(get(of, "position/list", LINEAR))
    assert [(leg["positionIdx"], leg["side"], leg["size"]) for leg in legs] == [(1, "Buy", "1.000"), (2, "", "0.000")]
    held = listed(get(of, "position/list", "category=linear&settleCoin=USDT"))
    assert [leg["positionIdx"] for leg in held] == [1]
    assert get(of, "position/list", "category=linear")["retCode"] == 10001


def test_executions_tell_price_fee_and_what_they_closed() -> None:
    of = desk()
    order(of, orderType="Market", qty="2")
    order(of, orderType="Market", qty="0.5", side="Sell", reduceOnly=True)
    closing, opening = listed(get(of, "execution/list", LINEAR))
    assert (opening["execPrice"], opening["execFee"], opening["closedSize"]) == ("100.00", "0.11000000", "0.000")
    assert (closing["execQty"], closing["closedSize"], closing["isMaker"]) == ("0.500", "0.500", False)
    assert closing["feeCurrency"] == "USDT"


def test_funding_is_an_execution_of_its_own() -> None:
    of = desk(market(flat(100.0, 3), funding=[(60.0, 0.001)]))
    order(of, orderType="Market", side="Sell", qty="4")
    of.venue.advance_to(START_NS + 61 * SECOND_NS)
    row = listed(get(of, "execution/list", f"{LINEAR}&execType=Funding"))[0]
    assert (row["orderType"], row["execFee"], row["feeRate"], row["side"]) == (
        *("UNKNOWN", "-0.40000000", "0.00100000", "Buy"),
    )
    (stamp,) = listed(get(of, "market/funding/history", LINEAR))
    assert stamp["fundingRate"] == "0.00100000"


def test_only_cross_margin_is_accepted() -> None:
    of = desk()
    assert post(of, "account/set-margin-mode", setMarginMode="REGULAR_MARGIN")["retCode"] == 0
    refused = post(of, "account/set-margin-mode", setMarginMode="ISOLATED_MARGIN")
    assert (refused["retCode"], "cross margin alone" in refused["retMsg"]) == (10001, True)
    assert get(of, "account/info")["result"]["marginMode"] == "REGULAR_MARGIN"


def test_leverage_and_mode_answer_what_the_venue_answers() -> None:
    of = desk()
    which: dict[str, Any] = {"category": "linear", "symbol": "AAAUSDT"}
    set_leverage = [("20", "20", 0), ("20", "20", 110043), ("20", "10", 10001), ("60", "60", 110013), ("0", "0", 10001)]
    for buy, sell, code in set_leverage:
        assert post(of, "position/set-leverage", **which, buyLeverage=buy, sellLeverage=sell)["retCode"] == code
    modes: list[tuple[int, dict[str, Any], int]] = [
        (0, {"coin": "USDT"}, 0),
        (0, {"symbol": "AAAUSDT"}, 110025),
        (3, {"coin": "USDT"}, 0),
    ]
    for mode, by, code in modes:
        assert post(of, "position/switch-mode", category="linear", mode=mode, **by)["retCode"] == code
    order(of, positionIdx=1)
    assert post(of, "position/switch-mode", category="linear", mode=0, coin="USDT")["retCode"] == 110028
    order(of, positionIdx=1, orderType="Market")
    assert post(of, "position/switch-mode", category="linear", mode=0, coin="USDT")["retCode"] == 110024


def test_a_positions_protection_is_set_shown_moved_and_cleared() -> None:
    of = desk()
    which: dict[str, Any] = {"category": "linear", "symbol": "AAAUSDT", "positionIdx": 0, "tpslMode": "Full"}
    assert post(of, "position/trading-stop", **which, stopLoss="95")["retCode"] == 10001
    order(of, orderType="Market", qty="2", takeProfit="110")
    assert post(of, "position/trading-stop", **which, stopLoss="95")["retCode"] == 0
    assert post(of, "position/trading-stop", **which, stopLoss="95")["retCode"] == 34040
    assert post(of, "position/trading-stop", **which, takeProfit="0")["retCode"] == 0
    (leg,) = listed(get(of, "position/list", LINEAR))
    assert (leg["takeProfit"], leg["stopLoss"]) == ("", "95.00")
    (stop,) = listed(get(of, "order/realtime", f"{LINEAR}&orderFilter=StopOrder"))
    assert (stop["stopOrderType"], stop["triggerPrice"], stop["orderStatus"]) == ("StopLoss", "95.00", "Untriggered")


def test_take_profit_and_stop_loss_are_set_together_or_not_at_all() -> None:
    of = desk()
    order(of, orderType="Market", qty="2", takeProfit="110")
    which: dict[str, Any] = {"category": "linear", "symbol": "AAAUSDT", "positionIdx": 0, "tpslMode": "Full"}
    for stop_loss in ("101", "0.001"):
        assert post(of, "position/trading-stop", **which, takeProfit="120", stopLoss=stop_loss)["retCode"] != 0
        (leg,) = listed(get(of, "position/list", LINEAR))
        assert (leg["takeProfit"], leg["stopLoss"]) == ("110.00", "")


def test_too_many_visits_in_a_second_are_refused_and_told_of_in_headers() -> None:
    of = desk(limits=True)
    text = json.dumps({"category": "linear", "symbol": "AAAUSDT", "orderId": order_id(9)})
    request = Request("POST", "/v5/order/cancel", "", headers(text), text.encode())
    answers = [answer(of, request) for _ in range(11)]
    assert [body(one)["retCode"] for one in answers] == [110001] * 10 + [10006]
    assert [one.headers["X-Bapi-Limit-Status"] for one in answers] == [*map(str, range(9, -1, -1)), "0"]
    assert answers[-1].headers["X-Bapi-Limit-Reset-Timestamp"] == str(WALL_MS + 1_000)
    of.wall_ms += 1_000
    assert body(answer(of, Request("POST", "/v5/order/cancel", "", headers(text), text.encode())))["retCode"] == 110001


def test_an_address_that_asks_too_often_is_sent_away_for_ten_minutes() -> None:
    of = desk(limits=True)
    request = Request("GET", "/v5/market/time", "", {})
    assert [answer(of, request).status for _ in range(601)] == [200] * 600 + [403]
    of.wall_ms += 599_999
    assert answer(of, request).status == 403
    of.wall_ms += 1
    assert answer(of, request).status == 200


def test_bars_are_the_markets_own_aggregated_and_the_last_one_forms() -> None:
    of = desk(market(line(100, 104, 102, 101, 90)))
    of.venue.advance_to(START_NS + 3 * MINUTE_NS + 30 * SECOND_NS)
    rows = listed(get(of, "market/kline", f"{LINEAR}&interval=1&limit=3"))
    assert [row[1:5] for row in rows] == [
        ["101.00", "101.00", "95.50", "95.50"],
        ["102.00", "102.00", "101.00", "101.00"],
        ["104.00", "104.00", "102.00", "102.00"],
    ]
    first = START_NS // 1_000_000
    by_three = listed(get(of, "market/kline", f"{LINEAR}&interval=3&start={first - 180_000}"))
    assert sum(float(row[5]) for row in by_three) == pytest.approx(3 * 600 + 300)
    assert get(of, "market/kline", f"{LINEAR}&interval=M")["retCode"] == 10001


def test_the_ticker_stands_on_the_book_that_takers_meet() -> None:
    of = desk(slippage_rate=0.001)
    (ticker,) = listed(get(of, "market/tickers", LINEAR))
    assert (ticker["bid1Price"], ticker["lastPrice"], ticker["ask1Price"]) == ("99.90", "100.00", "100.10")
    order(of, price="99.95")
    book = get(of, "market/orderbook", f"{LINEAR}&limit=3")["result"]
    assert book["b"][:2] == [["99.95", "1.000"], ["99.90", book["b"][1][1]]]
    order(of, orderType="Market", account=1)
    (fill,) = listed(get(of, "execution/list", LINEAR, account=1))
    assert fill["execPrice"] == "100.10"


def test_risk_tiers_are_those_by_which_margin_is_charged() -> None:
    rows = listed(get(desk(), "market/risk-limit", LINEAR))
    assert [(row["maintenanceMargin"], row["maxLeverage"], row["mmDeduction"]) for row in rows] == [
        ("0.01", "50.00", ""),
        ("0.02", "25.00", "2000"),
    ]


# Legs of LTCUSDT at 10x, MMR 1 %, taker 0.055 %, as a live account showed them.
@pytest.mark.parametrize(
    ("mark", "long_leg", "short_leg", "long_margins", "short_margin"),
    [
        (53.7, (6.2, 55.9136884800), (2.2, 55.53059536), (33.52648911, 2.38048911), 0.14782244),
        (53.63, (6.2, 55.9136884800), (2.2, 55.53059536), (33.48308911, 2.37768911), 0.14782244),
        (53.61, (6.3, 55.8769632660), (2.1, 55.53059536), (34.00663641, 2.48395641), 0.14110324),
    ],
)
def test_the_margin_of_a_hedge_is_what_the_venue_charged_for_it(
    mark: float,
    long_leg: tuple[float, float],
    short_leg: tuple[float, float],
    long_margins: tuple[float, float],
    short_margin: float,
) -> None:
    of = desk(mode=PositionMode.HEDGE)
    for leg, sign, (qty, entry) in ((0, 1.0, long_leg), (1, -1.0, short_leg)):
        of.venue.record.positions[leg].qty = sign * qty
        of.venue.record.positions[leg].entry_price = entry
    of.venue.record.markets[0].mark = mark
    rows = [(float(row["positionIM"]), float(row["positionMM"])) for row in listed(get(of, "position/list", LINEAR))]
    assert rows[0] == pytest.approx(long_margins, abs=1.1e-8)
    assert rows[1] == pytest.approx((short_margin, short_margin), abs=1.1e-8)


@given(st.integers(1, 10**12 - 1))
def test_an_orders_id_leads_back_to_its_number(count: int) -> None:
    assert order_number(order_id(count)) == count
    assert order_number(order_id(count)[:-1]) == -1


def test_numbers_are_plain_decimals() -> None:
    assert [number(text, "qty") for text in ("1", "0.5", "1e-3")] == [1.0, 0.5, 0.001]
