"""
MEXC's push messages: the Protocol Buffers schema of the spot v3 sockets, and both ways through it.

The schema is written here as a table, from the venue's public definitions; no generated code. Every frame is one
``PushDataV3ApiWrapper``: a channel, times, a symbol, and one body.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

_TRADE = "price quantity tradeType:int32 time:int64"
_LEVEL = "price quantity"
_QUOTE = "bidPrice bidQuantity askPrice askQuantity"

# Fields in the order of their numbers, from 1; text unless a type follows, `*` repeated, `?` with presence.
MESSAGES = {
    "PublicDealsV3ApiItem": _TRADE,
    "PublicDealsV3Api": "deals:PublicDealsV3ApiItem* eventType",
    "PublicIncreaseDepthV3ApiItem": _LEVEL,
    "PublicIncreaseDepthsV3Api": (
        "asks:PublicIncreaseDepthV3ApiItem* bids:PublicIncreaseDepthV3ApiItem* eventType version"
    ),
    "PublicLimitDepthV3ApiItem": _LEVEL,
    "PublicLimitDepthsV3Api": "asks:PublicLimitDepthV3ApiItem* bids:PublicLimitDepthV3ApiItem* eventType version",
    "PrivateOrdersV3Api": (
        "id clientId price quantity amount avgPrice orderType:int32 tradeType:int32 isMaker:bool remainAmount "
        "remainQuantity lastDealQuantity? cumulativeQuantity cumulativeAmount status:int32 createTime:int64 market? "
        "triggerType:int32? triggerPrice? state:int32? ocoId? routeFactor? symbolId? marketId? marketCurrencyId? "
        "currencyId?"
    ),
    "PublicBookTickerV3Api": _QUOTE,
    "PrivateDealsV3Api": (
        "price quantity amount tradeType:int32 isMaker:bool isSelfTrade:bool tradeId clientOrderId orderId feeAmount "
        "feeCurrency time:int64"
    ),
    "PrivateAccountV3Api": (
        "vcoinName coinId balanceAmount balanceAmountChange frozenAmount frozenAmountChange type time:int64"
    ),
    "PublicSpotKlineV3Api": (
        "interval windowStart:int64 openingPrice closingPrice highestPrice lowestPrice volume amount windowEnd:int64"
    ),
    "PublicMiniTickerV3Api": (
        "symbol price rate zonedRate high low volume quantity lastCloseRate lastCloseZonedRate lastCloseHigh "
        "lastCloseLow"
    ),
    "PublicMiniTickersV3Api": "items:PublicMiniTickerV3Api*",
    "PublicBookTickerBatchV3Api": "items:PublicBookTickerV3Api*",
    "PublicIncreaseDepthsBatchV3Api": "items:PublicIncreaseDepthsV3Api* eventType",
    "PublicAggreDepthV3ApiItem": _LEVEL,
    "PublicAggreDepthsV3Api": (
        "asks:PublicAggreDepthV3ApiItem* bids:PublicAggreDepthV3ApiItem* eventType fromVersion toVersion"
    ),
    "PublicAggreDealsV3ApiItem": _TRADE,
    "PublicAggreDealsV3Api": "deals:PublicAggreDealsV3ApiItem* eventType",
    "PublicAggreBookTickerV3Api": _QUOTE,
}

WRAPPER = "PushDataV3ApiWrapper"
_ABOUT = {1: "channel", 3: "symbol?", 4: "symbolId?", 5: "createTime:int64?", 6: "sendTime:int64?"}
_FIRST_BODY = 301
# In the order of their numbers, from 301; the type of each is its name, capitalised, and V3Api.
BODIES = (
    "publicDeals",
    "publicIncreaseDepths",
    "publicLimitDepths",
    "privateOrders",
    "publicBookTicker",
    "privateDeals",
    "privateAccount",
    "publicSpotKline",
    "publicMiniTicker",
    "publicMiniTickers",
    "publicBookTickerBatch",
    "publicIncreaseDepthsBatch",
    "publicAggreDepths",
    "publicAggreDeals",
    "publicAggreBookTicker",
)


def encode(channel: str, body: str, fields: Mapping[str, Any], **about: str | int) -> bytes:
    """
    Return one frame.

    Parameters
    ----------
    channel : str
        The name that was subscribed to.
    body : str
        One of ``BODIES``.
    fields : mapping of str to value
        Of the body; rows as mappings.
    **about : str or int
        ``symbol``, ``sendTime``, ``createTime`` in milliseconds.
    """
    return bytes(wrapper()(channel=channel, **about, **{body: fields}).SerializeToString())


def decode(data: bytes) -> Any:
    """Return the message in a frame, its fields as attributes; raises ``ValueError`` for bytes that hold none."""
    from google.protobuf.message import DecodeError

    try:
        return wrapper().FromString(data)
    except DecodeError as error:
        raise ValueError(f"a frame of {len(data)} bytes is no {WRAPPER} ({error})") from None


@cache
def wrapper() -> Any:
    """Return the class of the outer message."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="mexc_push.proto", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, word in enumerate(fields.split(), start=1):
            _add_field(message, number, word)
    outer = file.message_type.add(name=WRAPPER)
    outer.oneof_decl.add(name="body")
    for number, word in _ABOUT.items():
        _add_field(outer, number, word)
    for number, body in enumerate(BODIES, start=_FIRST_BODY):
        _add_field(outer, number, f"{body}:{body[0].upper()}{body[1:]}V3Api")
        outer.field[-1].oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(WRAPPER))


def _add_field(message: Any, number: int, word: str) -> None:
    name, _, kind = word.rstrip("?*").partition(":")
    field = message.field.add(name=name, number=number)
    scalar = {"": field.TYPE_STRING, "int32": field.TYPE_INT32, "int64": field.TYPE_INT64, "bool": field.TYPE_BOOL}
    field.label = field.LABEL_REPEATED if word.endswith("*") else field.LABEL_OPTIONAL
    field.type = scalar.get(kind, field.TYPE_MESSAGE)
    if kind not in scalar:
        field.type_name = f".{kind}"
    if word.endswith("?"):
        # Presence of a plain field is, in the descriptor, a choice of one.
        field.proto3_optional, field.oneof_index = True, len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{name}")
