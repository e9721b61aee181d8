"""The schema of MEXC's pushes: both ways, recorded messages through it, and what a third party's decoder reads."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.venues.mexc_push import BODIES, MESSAGES, decode, encode, wrapper
from tests.judges.exchanges import judge_python

READ = """
import json, sys
from google.protobuf.json_format import MessageToDict
from ccxt.protobuf.mexc.PushDataV3ApiWrapper_pb2 import PushDataV3ApiWrapper
def table(message):
    fields = [(one.number, one.name, one.type, one.is_repeated, one.has_presence,
        one.message_type.name if one.message_type else "") for one in message.fields]
    inner = {one.message_type.name: one.message_type for one in message.fields if one.message_type}
    return {message.name: sorted(fields)} | {k: v for one in inner.values() for k, v in table(one).items()}
frame = PushDataV3ApiWrapper.FromString(bytes.fromhex(sys.argv[1]))
print(json.dumps([table(PushDataV3ApiWrapper.DESCRIPTOR), MessageToDict(frame)]))
"""


def recorded() -> list[dict[str, Any]]:
    """Return the recorded messages, in the JSON form that the sockets spoke before."""
    root = os.environ.get("BALLAST_RECORDED_DATA")
    if not root:
        pytest.skip("the recorded data is not there: set BALLAST_RECORDED_DATA to its directory")
    text = gzip.decompress((Path(root) / "raw" / "mexc_spot_v3_ws_doc.txt.gz").read_bytes()).decode()
    return [json.loads(line.partition(" ")[2]) for line in text.splitlines()]


def table(message: Any) -> dict[str, list[list[Any]]]:
    """Return every message's fields: number, name, type, repeated, presence, message."""
    fields: list[list[Any]] = []
    inner: dict[str, list[list[Any]]] = {}
    for one in message.fields:
        kind = one.message_type.name if one.message_type else ""
        fields.append([one.number, one.name, one.type, one.is_repeated, one.has_presence, kind])
        if one.message_type:
            inner |= table(one.message_type)
    return inner | {message.name: sorted(fields)}


def test_the_schema_is_the_one_that_ccxt_reads_field_by_field() -> None:
    frame = encode("spot@x", "privateDeals", {"price": "1.5", "isMaker": True, "time": 7}, symbol="AUSDT", sendTime=9)
    done = subprocess.run([judge_python(), "-c", READ, frame.hex()], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    theirs, read = json.loads(done.stdout)
    assert table(wrapper().DESCRIPTOR) == theirs
    assert set(MESSAGES) == set(theirs) - {"PushDataV3ApiWrapper"}
    assert read == {
        "channel": "spot@x",
        "symbol": "AUSDT",
        "sendTime": "9",
        "privateDeals": {"price": "1.5", "isMaker": True, "time": "7"},
    }


def test_recorded_books_go_through_the_schema_unchanged() -> None:
    messages = recorded()
    assert len(messages) > 5
    for message in messages:
        data = message["d"]
        sides = {
            side: [{"price": level["p"], "quantity": level["v"]} for level in data.get(side, [])]
            for side in ("bids", "asks")
        }
        body = "publicLimitDepths" if "limit.depth" in message["c"] else "publicIncreaseDepths"
        fields = {**sides, "eventType": data["e"], "version": data["r"]}
        frame = decode(encode(message["c"], body, fields, symbol=message["s"], sendTime=message["t"]))
        told = getattr(frame, body)
        assert (frame.channel, frame.symbol, frame.sendTime) == (message["c"], message["s"], message["t"])
        assert (told.eventType, told.version) == (data["e"], data["r"])
        for side, levels in sides.items():
            assert [{"price": one.price, "quantity": one.quantity} for one in getattr(told, side)] == levels


@pytest.mark.parametrize("body", BODIES)
def test_every_body_is_told_from_the_others(body: str) -> None:
    frame = decode(encode("channel", body, {}))
    assert frame.WhichOneof("body") == body
    assert not frame.HasField("symbol")


@given(st.binary(max_size=200))
def test_bytes_are_a_message_or_an_error_of_ours(data: bytes) -> None:
    with suppress(ValueError):
        assert isinstance(decode(data).channel, str)


def test_bytes_that_are_no_message_say_how_many_they_were() -> None:
    with pytest.raises(ValueError, match="a frame of 2 bytes is no PushDataV3ApiWrapper"):
        decode(b"\xff\xff")


def test_a_field_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        encode("channel", "privateDeals", {"nonsense": "1"})
