"""
The REST faces as OpenAPI descriptions, made from the endpoint tables and from what reads their parameters.

Nothing is listed twice: an endpoint is described because it is served. ``VALUES`` only says what some fields may hold
to make sense together, because most requests at random are refused for their first field.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ballast.venues.exchange.bybit import endpoints as bybit
from ballast.venues.exchange.mexc import endpoints as mexc

Schema = dict[str, Any]
SYMBOL = "BLORPUSDT"
VALUES: dict[str, list[Any]] = {
    "category": ["linear"],
    "symbol": [SYMBOL],
    "symbols": [SYMBOL, f"{SYMBOL},NOUSDT"],
    "coin": ["USDT"],
    "settleCoin": ["USDT"],
    "accountType": ["UNIFIED"],
    "setMarginMode": ["REGULAR_MARGIN"],
    "mode": [0, 3],
    "positionIdx": [0, 1, 2],
    "buyLeverage": ["3", "7"],
    "sellLeverage": ["3", "7"],
    "side": ["Buy", "Sell", "BUY", "SELL"],
    "orderType": ["Market", "Limit"],
    "type": ["MARKET", "LIMIT", "LIMIT_MAKER", "FILL_OR_KILL"],
    "timeInForce": ["GTC", "IOC", "FOK", "PostOnly"],
    "qty": ["1000", "1e3", "0", "-1"],
    "quantity": ["1000", "0", "1e3"],
    "quoteOrderQty": ["50", "0.1"],
    "price": ["0.0125", "0.02", "-1"],
    "triggerPrice": ["0.001", "1"],
    "triggerDirection": [1, 2],
    "takeProfit": ["1", "0"],
    "stopLoss": ["0.001", "0"],
    "tpslMode": ["Full"],
    "execType": ["Trade", "Funding"],
    "interval": ["1", "5", "60", "1m", "5m"],
    "limit": [1, 5, 50, 0, -1],
    "orderId": ["00000000-0000-4000-8000-000000000001", "C02__000000000000000001"],
    "request": [
        [{"symbol": SYMBOL, "side": "Buy", "orderType": "Market", "qty": "1000"}],
        [{"symbol": SYMBOL, "orderLinkId": "x"}, {}],
    ],
    "batchOrders": [f'[{{"symbol":"{SYMBOL}","side":"BUY","type":"MARKET","quantity":"1000"}}]', "[1]"],
}
OPTIONAL = ("tpTriggerBy", "slTriggerBy", "triggerBy", "tpOrderType", "slOrderType", "orderFilter", "marketUnit")
"""Left out where sense is made: what else they may hold is refused."""


def operation(name: str, params: type[msgspec.Struct], *, has_body: bool, makes_sense: bool) -> Schema:
    """Return one endpoint; with ``makes_sense`` its fields hold what goes together."""
    schema = msgspec.json.schema(params)
    fields: Schema = schema["$defs"][params.__name__]
    properties, required = dict(fields["properties"]), list(fields.get("required", ()))
    for field in list(properties):
        if makes_sense and field in OPTIONAL:
            del properties[field]
        elif makes_sense and field in VALUES:
            properties[field] = {"enum": VALUES[field]}
        else:
            properties[field] = {key: value for key, value in properties[field].items() if key != "default"}
    described: Schema = {"operationId": name, "responses": {"200": {"description": "an answer"}}}
    if has_body:
        whole = {"type": "object", "properties": properties, "required": required}
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": whole}}}
    else:
        described["parameters"] = [
            {"name": field, "in": "query", "required": field in required, "schema": one}
            for field, one in properties.items()
        ]
    return described


def description(endpoints: Iterable[Any], bodies: Sequence[str], *, makes_sense: bool) -> Schema:
    """Return a whole face; ``bodies`` are the methods whose parameters come as JSON."""
    paths: Schema = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation(
            f"{endpoint.method} {endpoint.path}",
            endpoint.params,
            has_body=endpoint.method in bodies,
            makes_sense=makes_sense,
        )
    return {"openapi": "3.1.0", "info": {"title": "face", "version": "1"}, "paths": paths}


def descriptions() -> dict[str, list[Schema]]:
    """Return each face twice, once with what makes sense and once with anything of the right type."""
    faces = {"bybit": (bybit.ENDPOINTS, ("POST",)), "mexc": (mexc.ENDPOINTS, ())}
    return {
        name: [description(endpoints, bodies, makes_sense=makes_sense) for makes_sense in (True, False)]
        for name, (endpoints, bodies) in faces.items()
    }


def operations() -> dict[str, set[str]]:
    """Return the names of all that is served."""
    tables: dict[str, Sequence[Any]] = {"bybit": bybit.ENDPOINTS, "mexc": mexc.ENDPOINTS}
    return {name: {f"{one.method} {one.path}" for one in table} for name, table in tables.items()}
