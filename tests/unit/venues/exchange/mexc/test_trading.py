"""REST: orders of every type, their refusals, histories and batches."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ballast.venues.exchange.mexc.codes import CODES
from ballast.venues.exchange.mexc.endpoints import ENDPOINTS
from ballast.venues.exchange.mexc.wire import order_id, order_number
from ballast.venues.exchange.refusals import Refusal
from tests.unit.venues.exchange.markets import MINUTE_NS, SECOND_NS, START_NS, flat, line, market
from tests.unit.venues.exchange.mexc.desks import FEE_RATE, ask, code, desk, order

START_MS = START_NS // 1_000_000
PRIVATE = [endpoint for endpoint in ENDPOINTS if endpoint.is_private]
KEY = {"X-MEXC-APIKEY": "key-0"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"symbol": ""}, 700004),
        ({"symbol": "NOUSDT"}, -1121),
        ({"symbol": "BBBUSDT"}, 10007),
        ({"side": ""}, 700004),
        ({"side": "buy"}, 33333),
        ({"type": ""}, 700004),
        ({"type": "STOP_LOSS"}, 33333),
        ({"stpMode": "EXPIRE_TAKER"}, 33333),
        ({"newClientOrderId": "a\n"}, 700008),
        ({"quantity": ""}, 700004),
        ({"quantity": "0"}, 10097),
        ({"quantity": "-1"}, 10097),
        ({"quantity": "NaN"}, 10097),
        ({"quantity": "1e308"}, 10096),
        ({"price": "1e308"}, 10096),
        ({"quantity": "1_0"}, 10097),
        ({"quantity": "1e5"}, 30003),
        ({"quantity": "1.0005"}, 10096),
        ({"price": ""}, 700004),
        ({"price": "inf"}, 10097),
        ({"price": "99.005"}, 10096),
        ({"quantity": "0.05"}, 30002),
        ({"quantity": "101"}, 30004),
        ({"side": "SELL"}, 30005),
        ({"newClientOrderId": "a b"}, 700008),
        ({"newClientOrderId": "x" * 37}, 700008),
        ({"type": "MARKET", "quantity": "", "price": ""}, 700004),
        ({"type": "MARKET", "quoteOrderQty": "50"}, 33333),
        ({"type": "MARKET", "quantity": "", "quoteOrderQty": "4.99"}, 30002),
        ({"type": "MARKET", "quantity": "", "quoteOrderQty": "10001"}, 30004),
    ],
)
def test_a_wrong_order_is_refused_with_its_code_and_changes_nothing(changed: dict[str, Any], expected: int) -> None:
    of = desk(closed=("BBBUSDT",))
    assert code(order(of, **changed)) == expected
    assert of.venue.orders.all == {}
    assert code(order(of, "order/test", **changed)) == expected


def test_words_of_a_refusal_name_the_symbols_limits() -> None:
    assert order(desk(), quantity="0.05")["msg"] == "The minimum transaction volume cannot be less than:5USDT"
    assert order(desk(), quantity="1e5")["msg"] == "The maximum transaction volume cannot be greater than:10000"


def test_every_refusal_of_the_venue_has_a_code() -> None:
    assert set(Refusal) == set(CODES)


def test_a_test_order_is_checked_and_not_sent() -> None:
    of = desk()
    assert order(of, "order/test") == {}
    assert of.venue.orders.all == {}


def test_an_order_is_acknowledged_found_by_both_ids_and_cancelled() -> None:
    of = desk()
    placed = order(of, newClientOrderId="mine-1")
    assert placed == {
        "symbol": "AAAUSDT",
        "orderId": order_id(1),
        "orderListId": -1,
        "price": "99.00",
        "origQty": "1.000",
        "type": "LIMIT",
        "side": "BUY",
        "transactTime": START_MS,
    }
    by_id = ask(of, "GET", "order", symbol="AAAUSDT", orderId=order_id(1))
    assert by_id == ask(of, "GET", "order", symbol="AAAUSDT", origClientOrderId="mine-1")
    assert (by_id["status"], by_id["clientOrderId"], by_id["isWorking"]) == ("NEW", "mine-1", True)
    assert ask(of, "GET", "openOrders", symbol="AAAUSDT") == [by_id]
    assert ask(of, "GET", "openOrders", symbol="BBBUSDT") == []
    assert ask(of, "GET", "openOrders") == [by_id]
    assert code(ask(of, "GET", "order", account=1, symbol="AAAUSDT", orderId=order_id(1))) == -2013
    assert code(ask(of, "DELETE", "order", symbol="AAAUSDT")) == 700004
    assert code(ask(of, "DELETE", "order", symbol="BBBUSDT", orderId=order_id(1))) == -2011
    assert code(ask(of, "DELETE", "order", account=1, symbol="AAAUSDT", orderId=order_id(1))) == -2011
    assert ask(of, "DELETE", "order", symbol="AAAUSDT", orderId=order_id(1))["status"] == "CANCELED"
    assert code(ask(of, "DELETE", "order", symbol="AAAUSDT", orderId=order_id(1))) == -2011
    assert code(order(of, newClientOrderId="mine-1")) == 30026


@pytest.mark.parametrize("text", ["", "C02__1", "c02__" + "0" * 17 + "1", "C02__" + "0" * 17 + "٣", "1", "-1", "C02__"])
def test_a_text_that_is_no_order_id_means_no_order(text: str) -> None:
    assert order_number(text) == -1
    assert order_number(order_id(7)) == 7


def test_each_type_of_order_does_what_it_says() -> None:
    # The price stands at 100: what accepts it takes, what does not rests or goes.
    of = desk()
    ends: list[tuple[str, dict[str, Any], str]] = [
        ("MARKET", {"price": ""}, "FILLED"),
        ("MARKET", {"price": "", "quantity": "", "quoteOrderQty": "250"}, "FILLED"),
        ("LIMIT", {"price": "101"}, "FILLED"),
        ("LIMIT", {"price": "99"}, "NEW"),
        ("LIMIT_MAKER", {"price": "99"}, "NEW"),
        ("LIMIT_MAKER", {"price": "101"}, "CANCELED"),
        ("IMMEDIATE_OR_CANCEL", {"price": "100"}, "FILLED"),
        ("IMMEDIATE_OR_CANCEL", {"price": "99"}, "CANCELED"),
        ("FILL_OR_KILL", {"price": "100"}, "FILLED"),
        ("FILL_OR_KILL", {"price": "99"}, "CANCELED"),
    ]
    for kind, changed, status in ends:
        placed = order(of, type=kind, **changed)
        row = ask(of, "GET", "order", symbol="AAAUSDT", orderId=placed["orderId"])
        assert (row["type"], row["status"]) == (kind, status)
    assert len(ask(of, "GET", "openOrders", symbol="AAAUSDT")) == 2
    by_money = ask(of, "GET", "order", orderId=order_id(2))
    assert (by_money["origQty"], by_money["executedQty"], by_money["origQuoteOrderQty"]) == (
        "2.500",
        "2.500",
        "250.00000000",
    )


def test_an_order_meets_a_resting_one_of_another_client_before_the_market() -> None:
    of = desk(market(line(100, 101, 101)))
    order(of, type="MARKET", quantity="5", price="")
    order(of, side="SELL", quantity="2", price="101")
    of.venue.advance_to(START_NS + MINUTE_NS + SECOND_NS)
    order(of, account=1, type="IMMEDIATE_OR_CANCEL", quantity="3", price="101")
    theirs = ask(of, "GET", "myTrades", account=1, symbol="AAAUSDT")
    assert [(row["qty"], row["isMaker"], row["isBuyer"]) for row in theirs] == [
        ("1.000", False, True),
        ("2.000", False, True),
    ]
    mine = ask(of, "GET", "myTrades", symbol="AAAUSDT")[0]
    assert (mine["price"], mine["qty"], mine["isMaker"], mine["commission"]) == ("101.00", "2.000", True, "0.00000000")
    assert mine["commissionAsset"] == "USDT"
    assert float(theirs[0]["commission"]) == pytest.approx(101.0 * FEE_RATE)


def test_what_participation_leaves_of_an_order_that_may_not_wait_is_cancelled_in_part() -> None:
    of = desk(market(flat(100.0, 3), volume=20.0), participation=0.1)
    order(of, type="MARKET", quantity="5", price="")
    row = ask(of, "GET", "order", orderId=order_id(1))
    assert (row["status"], row["executedQty"], row["cummulativeQuoteQty"]) == (
        "PARTIALLY_CANCELED",
        "2.000",
        "200.00000000",
    )


def test_all_open_orders_of_up_to_five_symbols_are_cancelled_at_once() -> None:
    of = desk()
    for symbol, price in (("AAAUSDT", "99"), ("AAAUSDT", "98"), ("BBBUSDT", "49")):
        order(of, symbol=symbol, price=price)
    assert code(ask(of, "DELETE", "openOrders")) == 700004
    assert code(ask(of, "DELETE", "openOrders", symbol=",".join(["AAAUSDT"] * 6))) == 33333
    cancelled = ask(of, "DELETE", "openOrders", symbol="AAAUSDT")
    assert [(row["symbol"], row["status"]) for row in cancelled] == [("AAAUSDT", "CANCELED")] * 2
    assert len(ask(of, "DELETE", "openOrders", symbol="AAAUSDT,BBBUSDT")) == 1


def test_every_open_order_of_an_account_is_cancelled_at_once() -> None:
    of = desk()
    order(of)
    order(of, symbol="BBBUSDT", price="49")
    order(of, account=1)
    assert code(ask(of, "DELETE", "order/all")) == 200
    assert ask(of, "GET", "openOrders") == []
    assert len(ask(of, "GET", "openOrders", account=1)) == 1


def test_orders_and_trades_are_listed_newest_first_within_their_spans() -> None:
    day = 86_400_000_000_000
    of = desk(market([(100.0,) * 4] * 3, interval_ns=day))
    order(of, type="MARKET", price="")
    of.venue.advance_to(START_NS + day + day // 2)
    order(of, price="90")
    order(of, type="MARKET", quantity="2", price="")
    orders = ask(of, "GET", "allOrders", symbol="AAAUSDT")
    assert [row["orderId"] for row in orders] == [order_id(3), order_id(2)]
    assert ask(of, "GET", "allOrders", account=1, symbol="AAAUSDT") == []
    since = ask(of, "GET", "allOrders", symbol="AAAUSDT", startTime=START_MS)
    assert [row["orderId"] for row in since] == [order_id(3), order_id(2), order_id(1)]
    assert ask(of, "GET", "allOrders", symbol="AAAUSDT", startTime=START_MS, endTime=START_MS)[0][
        "orderId"
    ] == order_id(1)
    assert code(ask(of, "GET", "allOrders", symbol="AAAUSDT", startTime=START_MS - 8 * 86_400_000)) == 33333
    assert [row["qty"] for row in ask(of, "GET", "myTrades", symbol="AAAUSDT")] == ["2.000", "1.000"]
    assert [row["qty"] for row in ask(of, "GET", "myTrades", symbol="AAAUSDT", limit=1)] == ["2.000"]
    assert [row["qty"] for row in ask(of, "GET", "myTrades", symbol="AAAUSDT", orderId=order_id(1))] == ["1.000"]
    assert code(ask(of, "GET", "myTrades", symbol="AAAUSDT", limit=101)) == 33333


def test_a_batch_answers_for_each_order() -> None:
    of = desk()
    plain: dict[str, str | float] = {"symbol": "AAAUSDT", "side": "BUY", "type": "LIMIT", "price": "99"}
    wanted = [
        plain | {"type": "LIMIT_ORDER", "quantity": "1", "newClientOrderId": 7},
        plain | {"quantity": "0.01", "newClientOrderId": "b"},
        plain | {"quantity": 2, "price": 98.5},
    ]
    rows = ask(of, "POST", "batchOrders", batchOrders=json.dumps(wanted))
    assert rows[0] == {"symbol": "AAAUSDT", "orderId": order_id(1), "newClientOrderId": "7", "orderListId": -1}
    assert (rows[1]["newClientOrderId"], rows[1]["code"]) == ("b", 30002)
    assert rows[2] == {"symbol": "AAAUSDT", "orderId": order_id(2), "orderListId": -1}
    other = [wanted[0], wanted[2] | {"symbol": "BBBUSDT"}]
    for text in ("", "{}", "[1]", "[", "[]", json.dumps(wanted * 7), json.dumps(other)):
        assert code(ask(of, "POST", "batchOrders", batchOrders=text)) == 33333


def test_an_account_has_up_to_500_open_orders_over_all_symbols() -> None:
    of = desk(cash=1e6)
    for k in range(500):
        order(of, symbol=("AAAUSDT", "BBBUSDT")[k % 2], quantity="1", price="40")
    assert code(order(of, price="40")) == 30029
    ask(of, "DELETE", "openOrders", symbol="AAAUSDT")
    assert "orderId" in order(of, price="40")
