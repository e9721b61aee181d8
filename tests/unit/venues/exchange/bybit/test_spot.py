"""Spot at the same desk: instruments, orders by coins and by money, what is locked, and what sockets say of it."""

from __future__ import annotations

import gzip
import json
import os
from math import nan
from pathlib import Path
from typing import Any

import pytest

from ballast.model.errors import ConfigError
from ballast.venues.exchange.bybit.house import BybitFace
from tests.unit.venues.exchange.bybit.desks import desk, get, listed, order, post
from tests.unit.venues.exchange.bybit.test_streams import AUTH, private, public, run, say
from tests.unit.venues.exchange.markets import MINUTE_NS, START_NS, flat, line, market

SPOT = "category=spot&symbol=AAAUSDT"
FEE = 0.001


def spot(*columns: Any, **terms: Any) -> Any:
    return desk(market(*columns) if columns else None, is_spot=True, **terms)


def coins(of: Any, names: str = "") -> dict[str, Any]:
    (row,) = listed(get(of, "account/wallet-balance", f"accountType=UNIFIED&coin={names}"))
    return {one["coin"]: one for one in row["coin"]}


def orders(of: Any, more: str = "") -> list[Any]:
    return listed(get(of, "order/realtime", f"category=spot{more}"))


def test_instruments_have_the_venues_fields() -> None:
    directory = os.environ.get("BALLAST_RECORDED_DATA")
    if directory is None:
        pytest.skip("BALLAST_RECORDED_DATA is not set")
    with gzip.open(Path(directory) / "fixtures" / "bybit_v5_rest_ws.json.gz") as file:
        recorded = json.load(file)["http_get_instruments_spot.json"]["result"]["list"][0]
    row, _ = listed(get(spot(), "market/instruments-info", "category=spot"))
    assert recorded.keys() <= row.keys()
    assert recorded["lotSizeFilter"].keys() <= row["lotSizeFilter"].keys()
    sizes = row["lotSizeFilter"]
    assert (sizes["basePrecision"], sizes["minOrderAmt"], row["priceFilter"]) == ("0.001", "5", {"tickSize": "0.01"})
    assert (row["baseCoin"], row["quoteCoin"], "contractType" in row) == ("AAA", "USDT", False)


def test_a_ticker_tells_the_price_the_day_and_the_best_of_the_book() -> None:
    (row,) = listed(get(spot(), "market/tickers", SPOT))
    assert (row["lastPrice"], row["usdIndexPrice"]) == ("100.00", "100.00")
    assert float(row["bid1Price"]) < float(row["ask1Price"])
    assert not {"markPrice", "openInterestValue", "fundingRate"} & row.keys()


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("market/orderbook", f"{SPOT}&limit=200", 0),
        ("market/orderbook", f"{SPOT}&limit=201", 10001),
        ("market/recent-trade", f"{SPOT}&limit=60", 0),
        ("market/recent-trade", f"{SPOT}&limit=61", 10001),
        ("market/kline", f"{SPOT}&interval=1", 0),
        ("market/mark-price-kline", f"{SPOT}&interval=1", 10001),
        ("market/funding/history", SPOT, 10001),
        ("market/risk-limit", SPOT, 10001),
        ("market/tickers", "category=spot&symbol=NOUSDT", 170121),
        ("position/list", SPOT, 10001),
    ],
)
def test_what_belongs_to_contracts_is_refused(path: str, query: str, code: int) -> None:
    assert get(spot(), path, query)["retCode"] == code


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("position/switch-mode", {"coin": "USDT", "mode": 3}),
        ("position/set-leverage", {"symbol": "AAAUSDT", "buyLeverage": "2", "sellLeverage": "2"}),
        ("position/trading-stop", {"symbol": "AAAUSDT", "positionIdx": 0, "stopLoss": "90"}),
    ],
)
@pytest.mark.parametrize("category", ["spot", "linear"])
def test_there_are_no_positions_to_set(path: str, more: dict[str, Any], category: str) -> None:
    assert post(spot(), path, category=category, **more)["retCode"] == 10001


@pytest.mark.parametrize("path", ["market/instruments-info", "market/tickers", "order/realtime", "execution/list"])
@pytest.mark.parametrize("category", ["linear", "inverse", "option"])
def test_other_categories_are_empty(path: str, category: str) -> None:
    assert listed(get(spot(), path, f"category={category}")) == []
    assert order(spot(), category=category)["retCode"] == 10001


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"side": "buy"}, 170117),
        ({"orderType": "Stop"}, 170116),
        ({"timeInForce": "RPI"}, 170115),
        ({"symbol": "NOUSDT"}, 170121),
        ({"positionIdx": 1}, 10001),
        ({"reduceOnly": True}, 10001),
        ({"closeOnTrigger": True}, 10001),
        ({"isLeverage": 1}, 170037),
        ({"takeProfit": "110"}, 10001),
        ({"orderFilter": "tpslOrder", "triggerPrice": "98"}, 10001),
        ({"orderFilter": "Stop", "triggerPrice": "98"}, 170202),
        ({"orderFilter": "StopOrder"}, 170203),
        ({"orderFilter": "StopOrder", "triggerPrice": "100"}, 170130),
        ({"marketUnit": "baseCoin"}, 10001),
        ({"orderType": "Market", "marketUnit": "coin"}, 10001),
        ({"orderType": "Market", "qty": "100.000000001"}, 170148),
        ({"orderType": "Market", "qty": "4.99"}, 170140),
        ({"qty": "0"}, 170136),
        ({"qty": "0.0005"}, 170137),
        ({"qty": "1.0005"}, 170137),
        ({"qty": "1e308"}, 170137),
        ({"qty": "20000"}, 170135),
        ({"qty": "0.05"}, 170140),
        ({"qty": "102"}, 170131),
        ({"side": "Sell"}, 170131),
        ({"price": "99.001"}, 170134),
        ({"price": "-1"}, 170133),
    ],
)
def test_each_fault_of_an_order_has_its_code_and_leaves_no_trace(changed: dict[str, Any], code: int) -> None:
    of = spot()
    assert order(of, **changed)["retCode"] == code
    assert (of.venue.take_updates(), of.venue.orders.all) == ([], {})


def test_a_link_id_is_used_once_and_an_unknown_order_is_told_of_as_such() -> None:
    of = spot()
    assert order(of, orderLinkId="mine")["retCode"] == 0
    assert order(of, orderLinkId="mine")["retCode"] == 170141
    gone = post(of, "order/cancel", category="spot", symbol="AAAUSDT", orderLinkId="yours")
    assert gone["retCode"] == 170213


@pytest.mark.parametrize(
    ("changed", "filled", "unit", "qty"),
    [
        ({"side": "Buy", "qty": "550"}, "5.500", "quoteCoin", "550.00000000"),
        ({"side": "Buy", "qty": "5.5", "marketUnit": "baseCoin"}, "5.500", "baseCoin", "5.500"),
        ({"side": "Sell", "qty": "5.5"}, "5.500", "baseCoin", "5.500"),
        ({"side": "Sell", "qty": "550.07", "marketUnit": "quoteCoin"}, "5.500", "quoteCoin", "550.07000000"),
    ],
)
def test_a_market_buy_means_money_and_a_sale_coins_unless_they_say_otherwise(
    changed: dict[str, Any], filled: str, unit: str, qty: str
) -> None:
    of = spot()
    order(of, orderType="Market", qty="2000")
    order(of, orderType="Market", **changed)
    row = orders(of, "&openOnly=1")[0]
    assert (row["orderStatus"], row["cumExecQty"], row["marketUnit"], row["qty"]) == ("Filled", filled, unit, qty)
    assert not {"tpslMode", "createType"} & row.keys()
    execution = listed(get(of, "execution/list", SPOT))[0]
    assert (execution["execFee"], execution["feeCurrency"], execution["feeCoin"]) == ("0.55000000", "USDT", "USDT")


def test_the_wallet_tells_of_each_coin_what_it_is_worth_and_what_is_locked() -> None:
    of = spot()
    order(of, orderType="Market", qty="2000")
    order(of, qty="10", price="90")
    order(of, side="Sell", qty="5", price="110")
    (row,) = listed(get(of, "account/wallet-balance", "accountType=UNIFIED"))
    money, coin = row["coin"]
    assert (money["coin"], money["walletBalance"], money["locked"]) == ("USDT", "7998.00000000", "900.90000000")
    assert (money["free"], row["totalAvailableBalance"]) == ("7097.10000000", "7097.10000000")
    assert (coin["coin"], coin["equity"], coin["locked"], coin["free"]) == ("AAA", "20.000", "5.000", "15.000")
    assert (coin["usdValue"], row["totalEquity"]) == ("2000.00000000", "9998.00000000")
    assert coins(of, "BBB")["BBB"]["walletBalance"] == "0.000"


def test_fee_rates_are_the_accounts() -> None:
    (row,) = listed(get(spot(), "account/fee-rate", SPOT))
    assert (row["takerFeeRate"], row["makerFeeRate"]) == ("0.001", "0.001")


def test_a_conditional_order_locks_nothing_and_is_cancelled_if_it_cannot_be_paid_when_its_price_is_met() -> None:
    of = spot(line(100, 102, 104))
    waiting: dict[str, Any] = {"orderFilter": "StopOrder", "orderType": "Market", "qty": "9000"}
    for trigger in ("101", "103"):
        assert order(of, triggerPrice=trigger, **waiting)["retCode"] == 0
    assert [row["orderStatus"] for row in orders(of)] == ["Untriggered"] * 2
    assert coins(of)["USDT"]["locked"] == "0.00000000"
    of.venue.advance_to(START_NS + 2 * MINUTE_NS - 1)
    late, early = orders(of, "&openOnly=1")
    assert (early["orderStatus"], float(early["avgPrice"]), early["marketUnit"]) == ("Filled", 101.0, "quoteCoin")
    assert (late["orderStatus"], late["cumExecQty"]) == ("Cancelled", "0.000")


def test_what_rests_has_its_money_before_what_is_triggered() -> None:
    of = spot(line(100, 102))
    order(of, qty="90", price="99")
    order(of, orderFilter="StopOrder", orderType="Market", qty="2000", triggerPrice="101")
    of.venue.advance_to(START_NS + MINUTE_NS)
    triggered, resting = orders(of, "&openOnly=1") + orders(of)
    assert (triggered["orderStatus"], resting["orderStatus"]) == ("Cancelled", "New")
    assert float(coins(of)["USDT"]["walletBalance"]) == 10_000.0


def test_a_conditional_limit_order_rests_under_its_own_number_and_locks_then() -> None:
    of = spot(line(100, 102, 104))
    made = order(of, orderFilter="StopOrder", triggerPrice="101", price="90", qty="10")["result"]["orderId"]
    assert coins(of)["USDT"]["locked"] == "0.00000000"
    of.venue.advance_to(START_NS + MINUTE_NS)
    (row,) = orders(of)
    assert (row["orderId"], row["orderStatus"], row["stopOrderType"]) == (made, "New", "Stop")
    assert coins(of)["USDT"]["locked"] == "900.90000000"


def test_a_cancel_means_orders_without_a_trigger_ahead_unless_it_says_otherwise() -> None:
    of = spot()
    waits = order(of, orderFilter="StopOrder", triggerPrice="98")["result"]["orderId"]
    rests = order(of)["result"]["orderId"]
    asked: dict[str, Any] = {"category": "spot", "symbol": "AAAUSDT"}
    assert post(of, "order/cancel", orderId=waits, **asked)["retCode"] == 170213
    assert post(of, "order/cancel", orderId=rests, orderFilter="StopOrder", **asked)["retCode"] == 170213
    assert listed(post(of, "order/cancel-all", category="spot"))[0]["orderId"] == rests
    assert listed(post(of, "order/cancel-all", category="spot", baseCoin="BBB", orderFilter="StopOrder")) == []
    assert post(of, "order/cancel", orderId=waits, orderFilter="StopOrder", **asked)["retCode"] == 0
    assert [row["orderStatus"] for row in orders(of, "&openOnly=1")] == ["Cancelled", "Deactivated"]


@pytest.mark.parametrize(("word", "n"), [("", 2), ("Order", 1), ("StopOrder", 1), ("tpslOrder", 0), ("OcoOrder", 0)])
def test_orders_are_listed_by_their_kind(word: str, n: int) -> None:
    of = spot()
    order(of, orderFilter="StopOrder", triggerPrice="98")
    order(of)
    assert len(orders(of, f"&orderFilter={word}")) == n


def test_an_amendment_that_cannot_be_paid_is_refused_and_changes_nothing() -> None:
    of = spot()
    order(of, qty="60", price="90")
    made = order(of, qty="40", price="99")["result"]["orderId"]
    asked: dict[str, Any] = {"category": "spot", "symbol": "AAAUSDT", "orderId": made}
    assert post(of, "order/amend", qty="60", **asked)["retCode"] == 170131
    assert post(of, "order/amend", price="99.995", **asked)["retCode"] == 170134
    assert (orders(of)[0]["qty"], orders(of)[0]["price"]) == ("40.000", "99.00")
    assert post(of, "order/amend", qty="45", price="99.99", **asked)["retCode"] == 0
    assert coins(of)["USDT"]["locked"] == f"{(60 * 90 + 45 * 99.99) * (1 + FEE):.8f}"


def test_what_asked_for_money_keeps_it_and_its_trigger_may_move() -> None:
    of = spot()
    made = order(of, orderFilter="StopOrder", orderType="Market", qty="500", triggerPrice="98")["result"]["orderId"]
    asked: dict[str, Any] = {"category": "spot", "symbol": "AAAUSDT", "orderId": made}
    assert post(of, "order/amend", qty="600", **asked)["retCode"] == 10001
    assert post(of, "order/amend", triggerPrice="97", **asked)["retCode"] == 0
    assert orders(of)[0]["triggerPrice"] == "97.00"


def test_a_trigger_may_move_to_the_other_side_of_the_price() -> None:
    of = spot(line(100, 104))
    made = order(of, orderFilter="StopOrder", orderType="Market", qty="500", triggerPrice="98")["result"]["orderId"]
    asked: dict[str, Any] = {"category": "spot", "symbol": "AAAUSDT", "orderId": made}
    assert post(of, "order/amend", triggerPrice="100", **asked)["retCode"] == 170130
    assert (orders(of)[0]["triggerPrice"], orders(of)[0]["triggerDirection"]) == ("98.00", 2)
    assert post(of, "order/amend", triggerPrice="103", **asked)["retCode"] == 0
    of.venue.advance_to(START_NS + MINUTE_NS)
    (row,) = orders(of, "&openOnly=1")
    assert (row["orderStatus"], float(row["avgPrice"]), row["triggerDirection"]) == ("Filled", 103.0, 1)


def test_an_order_cancelled_after_a_fill_has_a_word_of_its_own() -> None:
    of = spot(participation=0.01)
    order(of, qty="20", price="100.5", timeInForce="IOC")
    (row,) = orders(of, "&openOnly=1")
    assert (row["orderStatus"], row["cumExecQty"]) == ("PartiallyFilledCanceled", "6.000")


def test_thirty_conditional_orders_of_a_symbol_wait_and_five_hundred_orders_live_in_all() -> None:
    of = spot(flat(100.0, 2), flat(50.0, 2))
    stop: dict[str, Any] = {"orderFilter": "StopOrder", "triggerPrice": "98", "price": "90", "qty": "0.1"}
    assert [order(of, **stop)["retCode"] for _ in range(31)] == [0] * 30 + [170810]
    for _ in range(235):
        assert order(of, qty="0.1", price="90")["retCode"] == 0
        assert order(of, qty="0.2", price="40", symbol="BBBUSDT")["retCode"] == 0
    assert order(of, qty="0.2", price="40", symbol="BBBUSDT")["retCode"] == 170810


def test_a_check_before_an_order_knows_no_margin_and_refuses_what_would_be_refused() -> None:
    of = spot()
    plain: dict[str, Any] = {"category": "spot", "symbol": "AAAUSDT", "side": "Buy", "orderType": "Market"}
    told = post(of, "order/pre-check", qty="100", **plain)["result"]
    assert {told[f"{when}{rate}E4"] for when in ("pre", "post") for rate in ("Imr", "Mmr")} == {0}
    assert post(of, "order/pre-check", qty="20000", **plain)["retCode"] == 170131
    assert of.venue.orders.all == {}


def test_a_batch_is_done_or_refused_one_by_one() -> None:
    of = spot()
    plain = {"symbol": "AAAUSDT", "side": "Buy", "orderType": "Limit", "qty": "1", "price": "99"}
    answer = post(of, "order/create-batch", category="spot", request=[plain, plain | {"qty": "1.0005"}])
    assert [one["code"] for one in answer["retExtInfo"]["list"]] == [0, 170137]
    assert len(orders(of)) == 1


def test_twenty_orders_a_second_are_taken() -> None:
    of = spot(limits=True)
    codes = [order(of, qty="0.1")["retCode"] for _ in range(21)]
    assert codes == [0] * 20 + [10006]


def test_a_symbol_without_a_price_yet_takes_no_market_or_conditional_order() -> None:
    of = spot([(nan,) * 4, *flat(100.0, 2)])
    assert order(of, orderType="Market", qty="100")["retCode"] == 170151
    assert order(of, orderFilter="StopOrder", triggerPrice="98")["retCode"] == 170151


def test_one_purse_trades_one_quote_coin() -> None:
    with pytest.raises(ConfigError, match="hold one quote coin"):
        desk(market(flat(100.0, 2), flat(50.0, 2), names=("AAAUSDT", "AAAUSDC")), is_spot=True)


def test_the_public_socket_lies_under_spot_and_a_liquidation_cannot_be_shown() -> None:
    face = BybitFace(spot())
    assert set(face.sockets) == {"/v5/public/spot", "/v5/private", "/v5/trade"}
    assert face.addresses("h:1")["public_url"] == "ws://h:1/v5/public/spot"
    assert "liquidation" not in face.faults


def test_tickers_of_spot_are_snapshots_and_trades_have_no_direction() -> None:
    of = spot(line(100, 103, 96))
    talk, stream, ear = public(of)
    say(talk, op="subscribe", args=["tickers.AAAUSDT", "publicTrade.AAAUSDT"])
    run(of, stream, 30)
    messages = ear.of("tickers.AAAUSDT")
    assert {message["type"] for message in messages} == {"snapshot"}
    assert messages[-1]["data"]["usdIndexPrice"] == messages[-1]["data"]["lastPrice"] != "100.00"
    assert "bid1Price" not in messages[-1]["data"]
    assert all("L" not in row for message in ear.of("publicTrade.AAAUSDT") for row in message["data"])


def test_one_message_subscribes_to_ten_topics_at_most() -> None:
    talk, _, _ = public(spot())
    topics = [f"kline.{minutes}.{symbol}" for minutes in (1, 3, 5, 15, 30, 60) for symbol in ("AAAUSDT", "BBBUSDT")]
    (refused,) = say(talk, op="subscribe", args=topics[:11])
    assert (refused["success"], refused["ret_msg"]) == (False, "error:args size >10")
    assert say(talk, op="subscribe", args=topics[:10])[0]["success"]


def test_of_a_wallet_each_coin_that_has_changed_is_told_and_of_positions_nothing() -> None:
    of = spot()
    talk, stream, ear = private(of)
    say(talk, **AUTH)
    assert say(talk, op="subscribe", args=["order", "execution.spot", "wallet", "position"])[0]["success"]
    assert not say(talk, op="subscribe", args=["position.spot"])[0]["success"]
    made = order(of, qty="10", price="90")["result"]["orderId"]
    stream.publish(of.venue.take_updates())
    order(of, orderType="Market", qty="1000")
    stream.publish(of.venue.take_updates())
    order(of, side="Sell", qty="4", price="120")
    stream.publish(of.venue.take_updates())
    post(of, "order/cancel", category="spot", symbol="AAAUSDT", orderId=made)
    stream.publish(of.venue.take_updates())
    wallets = [{one["coin"]: one["locked"] for one in message["data"][0]["coin"]} for message in ear.of("wallet")]
    assert wallets == [
        {"USDT": "900.90000000"},
        {"USDT": "900.90000000", "AAA": "0.000"},
        {"AAA": "4.000"},
        {"USDT": "0.00000000"},
    ]
    assert [message["data"][0]["category"] for message in ear.of("execution.spot")] == ["spot"]
    assert ear.of("position") == []
    states = [message["data"][0]["orderStatus"] for message in ear.of("order")]
    assert states == ["New", "New", "Filled", "New", "Cancelled"]


def test_a_delisted_pair_is_closed_its_orders_are_cancelled_and_coins_stay() -> None:
    of = spot()
    order(of, orderType="Market", qty="500")
    order(of, side="Sell", qty="2", price="120")
    of.venue.delist(0)
    assert order(of)["retCode"] == 170151
    assert [row["status"] for row in listed(get(of, "market/instruments-info", "category=spot"))] == [
        "Closed",
        "Trading",
    ]
    assert (coins(of)["AAA"]["walletBalance"], coins(of)["AAA"]["locked"]) == ("5.000", "0.000")
