"""Batches, the check before an order, closed profit, margin mode."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ballast.model.enums import PositionMode
from ballast.venues.exchange.bybit.desk import Desk
from ballast.venues.exchange.bybit.sockets import TradeConversation
from ballast.venues.exchange.bybit.wallet import wallet_row
from tests.unit.venues.exchange.bybit.desks import WALL_MS, desk, get, listed, order, post
from tests.unit.venues.exchange.bybit.test_streams import AUTH
from tests.unit.venues.exchange.markets import START_NS, flat, line, market

TAKER, MAKER = 0.00055, 0.0002
PLAIN = {"symbol": "AAAUSDT", "side": "Buy", "orderType": "Limit", "qty": "1", "price": "99"}


def batch(of: Desk, verb: str, *orders: dict[str, Any]) -> tuple[list[int], list[Any]]:
    """Return the code of each, and its row."""
    answer = post(of, f"order/{verb}-batch", category="linear", request=orders)
    rows = listed(answer)
    return [one["code"] for one in answer["retExtInfo"]["list"]], rows


def test_of_a_batch_each_order_is_done_or_refused_by_itself_in_order() -> None:
    of = desk()
    codes, rows = batch(
        of,
        "create",
        PLAIN | {"orderLinkId": "a"},
        PLAIN | {"qty": "0.0005", "orderLinkId": "b"},
        PLAIN | {"orderLinkId": "a"},
        PLAIN | {"symbol": "NOUSDT"},
        {"side": 3},
        PLAIN | {"symbol": "BBBUSDT", "price": "49"},
    )
    assert codes == [0, 10001, 110072, 10001, 10001, 0]
    assert [bool(row["orderId"]) for row in rows] == [True, False, False, False, False, True]
    assert [row["orderLinkId"] for row in rows] == ["a", "b", "a", "", "", ""]
    codes, _ = batch(of, "amend", *({"symbol": "AAAUSDT", "orderLinkId": name, "price": "98"} for name in "ab"))
    assert codes == [0, 110001]
    codes, _ = batch(
        of, "cancel", *({"symbol": row["symbol"], "orderId": row["orderId"]} for row in (rows[0], rows[5]))
    )
    assert codes == [0, 0]
    assert listed(get(of, "order/realtime", "category=linear&settleCoin=USDT")) == []


def test_every_order_of_a_batch_costs_and_those_above_the_budget_are_refused() -> None:
    of = desk(limits=True)
    assert batch(of, "create", *[PLAIN] * 7)[0] == [0] * 7
    assert batch(of, "create", *[PLAIN] * 5)[0] == [0] * 3 + [10006] * 2
    # Single requests have a budget of their own.
    assert order(of)["retCode"] == 0


@pytest.mark.parametrize("orders", [[], [PLAIN] * 11, "x", [1], None])
def test_a_batch_that_is_none_is_a_parameter_error(orders: object) -> None:
    of = desk()
    assert post(of, "order/create-batch", category="linear", request=orders)["retCode"] == 10001
    assert post(of, "order/create-batch", category="spot", request=[PLAIN])["retCode"] == 10001
    assert of.venue.orders.all == {}


def test_a_batch_goes_over_the_trade_socket_too() -> None:
    of = desk()
    talk = TradeConversation(of, 1)
    talk.hear(json.dumps(AUTH))
    message = {
        "op": "order.create-batch",
        "reqId": "1",
        "header": {"X-BAPI-TIMESTAMP": str(WALL_MS)},
        "args": [{"category": "linear", "request": [PLAIN, PLAIN | {"qty": "x"}]}],
    }
    (reply,) = (json.loads(one) for one in talk.hear(json.dumps(message)))
    assert (reply["retCode"], [one["code"] for one in reply["retExtInfo"]["list"]]) == (0, [0, 10001])
    assert reply["data"]["list"][0]["orderId"]


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"orderType": "Market", "qty": "30"},
        {"orderType": "Market", "qty": "7", "side": "Sell"},
        {"side": "Sell", "price": "105", "qty": "50"},
    ],
)
def test_the_check_before_an_order_tells_the_rates_that_follow_and_nothing_stays(changed: dict[str, Any]) -> None:
    of = desk()
    order(of, orderType="Market", qty="5")
    of.venue.take_updates()
    before, state = wallet_row(of.venue, 0, of.category), of.venue.record.tobytes()
    told = post(of, "order/pre-check", **PLAIN | {"category": "linear", "orderLinkId": "x"} | changed)["result"]
    assert (of.venue.record.tobytes(), of.venue.take_updates(), len(of.venue.orders.all)) == (state, [], 1)
    assert order(of, orderLinkId="x", **changed)["retCode"] == 0
    after = wallet_row(of.venue, 0, of.category)
    for name, row in (("pre", before), ("post", after)):
        for rate in ("Im", "Mm"):
            expected = round(float(row[f"account{rate.upper()}Rate"]) * 1e4)
            assert abs(told[f"{name}{rate}rE4"] - expected) <= 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"qty": "5000"}, 110007), ({"qty": "0.0005"}, 10001), ({"triggerPrice": "101", "triggerDirection": 1}, 10001)],
)
def test_what_would_be_refused_is_refused_before(changed: dict[str, Any], code: int) -> None:
    assert post(desk(), "order/pre-check", **PLAIN | {"category": "linear"} | changed)["retCode"] == code


@pytest.mark.parametrize(("side", "sign"), [("Buy", 1.0), ("Sell", -1.0)])
def test_closed_profit_is_what_was_earned_less_all_its_fees(side: str, sign: float) -> None:
    of = desk(market(line(100, 110), flat(50.0, 1)), mode=PositionMode.HEDGE)
    leg, other = (1, "Sell") if side == "Buy" else (2, "Buy")
    order(of, orderType="Market", side=side, qty="4", positionIdx=leg)
    of.venue.advance_to(START_NS + 30_000_000_000)
    at = of.venue.last_price(0)
    order(of, orderType="Market", side=other, qty="3", positionIdx=leg)
    order(of, orderType="Market", side=other, qty="1", positionIdx=leg)
    last, first = listed(get(of, "position/closed-pnl", "category=linear&symbol=AAAUSDT"))
    assert at == 105.0
    assert (first["closedSize"], first["side"], first["fillCount"]) == ("3.000", other, "1")
    assert (float(first["avgEntryPrice"]), float(first["avgExitPrice"])) == (100.0, 105.0)
    expected = sign * 3 * 5.0 - 3 * (100.0 + 105.0) * TAKER
    assert float(first["closedPnl"]) == pytest.approx(expected, abs=1e-8)
    assert float(last["closedPnl"]) == pytest.approx(expected / 3, abs=1e-8)
    # All of it together is what the wallet has gained.
    gained = float(of.venue.record.accounts[0].cash) - 10_000.0
    assert float(first["closedPnl"]) + float(last["closedPnl"]) == pytest.approx(gained, abs=1e-7)


def test_an_order_that_turns_a_position_closes_what_there_was() -> None:
    of = desk()
    order(of, orderType="Market", qty="2")
    order(of, orderType="Market", side="Sell", qty="5")
    order(of, orderType="Market", qty="3")
    rows = listed(get(of, "position/closed-pnl", "category=linear"))
    assert [(row["side"], row["qty"], row["closedSize"]) for row in rows] == [
        ("Buy", "3.000", "3.000"),
        ("Sell", "5.000", "2.000"),
    ]
    assert [float(row["closedPnl"]) for row in rows] == pytest.approx([-600 * TAKER, -400 * TAKER])
    assert listed(get(of, "position/closed-pnl", "category=linear", account=1)) == []
