"""``ballast exchange``: its first line, its end, and what it refuses."""

from __future__ import annotations

import base64
import io
import json
import os
import pty
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from ballast.cli.exchange_view import MOST_ACCOUNTS, Seen, render
from ballast.cli.main import run
from ballast.data.catalog import Catalog
from ballast.data.sample import Market, write_sample
from tests.architecture.sources import ROOT
from tests.judges.exchanges import COMMAND, running

PAIRS = {"bybit": "/v5/market/instruments-info?category=spot", "mexc": "/api/v3/exchangeInfo"}
"""Where each venue lists pairs of spot."""
SPOT = """
[data]
path = "market.parquet"
symbols = ["BLORPUSDT", "SNORTLUSDT"]

[account]
kind = "spot"
initial_capital = 777.0
maker_fee_rate = 0.001
taker_fee_rate = 0.002

[instruments.BLORPUSDT]
tick = 0.0001
lot_step = 1.0

[instruments.SNORTLUSDT]
tick = 0.000001
lot_step = 0.1

[strategy]
name = "cascade"
"""


def state_of(ready: dict[str, Any]) -> dict[str, Any]:
    with urllib.request.urlopen(f"{ready['operator_url']}/state") as answer:
        return dict(json.load(answer))


def test_it_says_where_it_listens_trades_by_the_step_and_stops_when_told(tmp_path: Path) -> None:
    data = tmp_path / "market.parquet"
    write_sample(data, Market(days=1, symbols=2))
    with running("--data", str(data), "--clock", "step", "--accounts", "3", "--balance", "500") as ready:
        assert (ready["venue"], ready["clock"], len(ready["keys"])) == ("bybit", "step", 3)
        state = state_of(ready)
        assert [account["cash"] for account in state["accounts"]] == [500.0] * 3
        with urllib.request.urlopen(f"{ready['rest_url']}/v5/market/instruments-info?category=linear") as answer:
            assert [row["symbol"] for row in json.load(answer)["result"]["list"]] == ready["symbols"]
        step = urllib.request.Request(f"{ready['operator_url']}/step", b"{}", method="POST")
        with urllib.request.urlopen(step) as answer:
            assert json.load(answer)["clock"]["time_ms"] == state["clock"]["time_ms"] + 20_000


def test_it_trades_the_market_and_the_account_of_a_configuration(tmp_path: Path) -> None:
    write_sample(tmp_path / "market.parquet", Market(days=1, symbols=2))
    (tmp_path / "grid.toml").write_text("""
[data]
path = "market.parquet"
symbols = ["BLORPUSDT"]

[account]
kind = "unified_margin"
mode = "hedge"
leverage = 5
tiers = "bybit-btcusdt-2026-08"
tiers_stand_in = "tiers.json"
initial_capital = 777.0

[instruments.BLORPUSDT]
tick = 0.0001
lot_step = 1.0

[execution]
latency_bars = 1

[strategy]
name = "hedge_grid"
""")
    brackets = {"symbol": "BLORP/USDT:USDT", "maxNotional": 1e9, "maintenanceMarginRate": 0.01, "maxLeverage": 20}
    (tmp_path / "tiers.json").write_text(json.dumps([brackets]))
    with running(str(tmp_path / "grid.toml"), "--clock", "step", "--accounts", "1") as ready:
        (account,) = state_of(ready)["accounts"]
    assert (account["cash"], account["position_mode"], account["positions"][0]["leverage"]) == (777.0, "hedge", 5.0)
    assert any("latency" in sentence for sentence in ready["assumptions"])


def asked_of(ready: dict[str, Any], path: str) -> Any:
    with urllib.request.urlopen(f"{ready['rest_url']}{path}") as answer:
        return json.load(answer)["result"]


def stepped_by(ready: dict[str, Any], by_ms: int) -> None:
    body = json.dumps({"by_ms": by_ms}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{ready['operator_url']}/step", body, method="POST")).close()


def test_it_trades_recorded_trades_and_tells_them_as_they_were(tmp_path: Path) -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    times = [start + timedelta(seconds=second) for second in (1, 2, 3, 200)]
    pl.DataFrame({
        "ts": pl.Series(times).dt.cast_time_unit("ms"),
        "symbol": ["AUSDT", "AUSDT", "BUSDT", "AUSDT"],
        "price": [10.5, 10.25, 3.0, 11.0],
        "size": [1.5, 2.0, 7.0, 1.0],
        "side": ["buy", "sell", "buy", "sell"],
    }).write_parquet(tmp_path / "trades.parquet")
    arguments = ("--clock", "step", "--accounts", "1", "--history", "0")
    with running("--data", str(tmp_path / "trades.parquet"), *arguments) as ready:
        assert "finest prices" in ready["assumptions"][0]
        stepped_by(ready, 100_000)
        rows = asked_of(ready, "/v5/market/recent-trade?category=linear&symbol=AUSDT")["list"]
        (ticker,) = asked_of(ready, "/v5/market/tickers?category=linear&symbol=AUSDT")["list"]
        bars = asked_of(ready, "/v5/market/kline?category=linear&symbol=AUSDT&interval=1")["list"]
    seen = [(row["price"], row["size"], row["side"], int(row["time"])) for row in rows]
    first_ms = int(start.timestamp()) * 1_000
    assert seen == [("10.25", "2.0", "Sell", first_ms + 2_000), ("10.50", "1.5", "Buy", first_ms + 1_000)]
    # Where only trades are known, somebody last sold into the bid and bought from the ask.
    assert (ticker["bid1Price"], ticker["ask1Price"], ticker["lastPrice"]) == ("10.25", "10.50", "10.25")
    assert [row[1:6] for row in bars] == [["10.50", "10.50", "10.25", "10.25", "3.5"]]


def test_it_trades_live_on_what_another_exchange_tells_and_says_when_that_is_gone() -> None:
    with ExitStack() as ends:
        upstream = ends.enter_context(running("--data", "sample", "--accounts", "1"))
        source = ("--symbols", "WOBBLOUSDT,BLORPUSDT", "--live-url", upstream["rest_url"])
        with running("--data", "live", *source, "--accounts", "1", "--history", "50") as ready:
            assert ready["symbols"] == ["WOBBLOUSDT", "BLORPUSDT"]
            where = "?category=linear&symbol=BLORPUSDT"
            ours, theirs = (
                asked_of(one, f"/v5/market/instruments-info{where}")["list"][0] for one in (ready, upstream)
            )
            assert ours["priceFilter"] == theirs["priceFilter"]
            ours, theirs = (
                {row[0]: row[:6] for row in asked_of(one, f"/v5/market/kline{where}&interval=1&limit=40")["list"]}
                for one in (ready, upstream)
            )
            # The newest may close between the two questions.
            assert all(theirs[time] == ours[time] for time in sorted(ours)[5:-3])
            assert len(ours) == 40
            until_live(ready, is_connected=True)
            ends.close()
            state = until_live(ready, is_connected=False)
            assert all(one["is_stale"] for one in state["symbols"].values())
            book = asked_of(ready, f"/v5/market/orderbook{where}")
            assert (book["b"], book["a"]) == ([], [])


def until_live(ready: dict[str, Any], *, is_connected: bool) -> dict[str, Any]:
    """Ask until a live exchange hears its source, or no longer does; return the state of its feed."""
    give_up_s = time.monotonic() + 20
    while True:
        live = state_of(ready)["live"]
        if live["is_connected"] == is_connected:
            return dict(live)
        assert time.monotonic() < give_up_s


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--venue", "nasdaq"], "this version speaks bybit, mexc"),
        (["--venue", "bybit,"], "this version speaks bybit, mexc"),
        (["--venue", "bybit", "--closed", "BLORPUSDT"], "belongs to --venue mexc"),
        (["--venue", "mexc", "--closed", "BLOBUSDT"], "did you mean 'BLORPUSDT'?"),
        (["--kind", "cash"], "accounts of bybit are unified_margin or spot"),
        (["--venue", "bybit,mexc", "--kind", "unified_margin"], "accounts of mexc are spot"),
        (["--clock", "fast"], "no such clock"),
        (["--data", "live"], "name it with --symbols"),
        (["--data", "live", "--symbols", "AUSDT", "--clock", "10x"], "goes by the wall's"),
        (["--data", "live", "--symbols", "AUSDT", "--live-url", "ws://127.0.0.1"], "begin it with http://"),
        (["--symbols", "AUSDT"], "it belongs to --data live"),
        (["--set", "account.kind='spot'"], "--set account.kind='spot': there is no configuration"),
        (["--balance", "nan"], "--balance nan: money is a finite number"),
        (["--balance", "inf"], "--balance inf: money is a finite number"),
        (["--data", "nowhere.jsonl.gz"], "nowhere.jsonl.gz"),
        (["--data", "nowhere.parquet"], "nowhere.parquet"),
        (["some.toml", "--data", "sample"], "names its data already"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["exchange", *arguments]) == 2
    errors = capsys.readouterr().err
    assert words in errors
    assert errors.count("\n") == 1


def test_without_a_network_a_live_market_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as shut:
        url = f"http://127.0.0.1:{shut.getsockname()[1]}"
    assert run(["exchange", "--data", "live", "--symbols", "AUSDT", "--live-url", url]) == 1
    errors = capsys.readouterr().err
    assert "--data live: bybit: GET /v5/market/instruments-info failed 2 times" in errors
    assert errors.endswith("or name another exchange with --live-url\n")
    assert errors.count("\n") == 1


def ponged(trusting: ssl.SSLContext, host: str, port: int, path: str) -> str:
    """Return what a socket answers a ping; by hand, because a client on an event loop that ends leaves it open."""
    key, ping = base64.b64encode(bytes(16)).decode(), b'{"op": "ping"}'
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    request += f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    with (
        socket.create_connection((host, port), timeout=20.0) as plain,
        trusting.wrap_socket(plain, server_hostname=host) as encrypted,
        encrypted.makefile("rb") as heard,
    ):
        encrypted.sendall(request.encode())
        assert heard.readline().split()[1] == b"101"
        while heard.readline().strip():
            pass
        # A masked text frame, its mask all zeros; the answer is not masked.
        encrypted.sendall(bytes([0x81, 0x80 | len(ping), 0, 0, 0, 0]) + ping)
        _, length = heard.read(2)
        if length == 126:
            length = int.from_bytes(heard.read(2))
        told: str = json.loads(heard.read(length))["ret_msg"]
        return told


def test_an_encrypted_exchange_is_trusted_by_the_certificate_that_it_names() -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not here")
    with running("--clock", "step", "--tls") as ready:
        assert {url.partition("://")[0] for name, url in ready.items() if name.endswith("_url")} == {"https", "wss"}
        trusting = ssl.create_default_context(cafile=ready["ca_file"])
        with urllib.request.urlopen(f"{ready['rest_url']}/v5/market/time", context=trusting) as answer:
            assert json.load(answer)["retCode"] == 0
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(f"{ready['rest_url']}/v5/market/time", context=ssl.create_default_context())

        address = urllib.parse.urlsplit(ready["public_url"])
        assert ponged(trusting, address.hostname or "", address.port or 0, address.path) == "pong"
    assert not Path(ready["ca_file"]).exists()


def test_the_view_says_what_there_is_to_know() -> None:
    leg = {"symbol": "AAAUSDT", "qty": -2.5}
    account = {"equity": 1_234.5, "initial_margin": 10.0, "maintenance_margin": 1.0, "orders": [{}], "positions": [leg]}
    state = {
        "clock": {"pace": "60x", "time_ms": 1_735_689_600_000, "has_ended": False},
        "accounts": [account | {"name": f"account-{k}"} for k in range(MOST_ACCOUNTS + 2)],
        "n_fills": 7,
    }
    fault = {"kind": "push_dropped", "match": "execution", "n_struck": 1, "n_matched": 9}
    console = Console(width=160, file=io.StringIO())
    line = {"rest_url": "http://127.0.0.1:8800", "symbols": []}
    console.print(render(line, [Seen("bybit", state, [fault], 3, 42)], [12.4]))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for words in (
        *("rest  http://127.0.0.1:8800", "2025-01-01 00:00:00 UTC, clock 60x", "3 sockets, 12 orders/s, 42 taken"),
        *(f"{MOST_ACCOUNTS + 2} open, 7 fills, 1 faults armed", "1,234.50", "-2.5 AAAUSDT", "and 2 more"),
        "push_dropped execution: 1 of 9",
    ):
        assert words in text


def test_on_a_terminal_it_shows_itself_and_the_first_line_stays_what_it_is() -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", COMMAND, "exchange", "--clock", "step"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "TERM": "xterm", "COLUMNS": "160"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environment) as process:
        os.close(theirs)
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["venue"] == "bybit"
        shown = b""
        while b"orders/s" not in shown:
            shown += os.read(ours, 65_536)
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == b""
        with suppress(OSError):
            while os.read(ours, 65_536):
                pass
    os.close(ours)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--faults", "nowhere.toml"], "--faults nowhere.toml: cannot be read"),
        (["--faults", "wrong.toml"], "--faults wrong.toml: "),
        (["--faults", "other.json"], "--faults other.json: the file holds faults and nothing else"),
        (["--faults", "kind.toml"], "--faults kind.toml: fault 1: no kind 'dance'"),
        (["--replay", "nowhere"], "--replay nowhere: cannot be read"),
        (["--replay", "wrong.toml"], "--replay wrong.toml: line 1 is no message"),
        (["--replay", "session", "--data", "sample"], "--replay session: a recording tells all by itself"),
        (["--replay", "session", "--accounts", "2"], "a recording tells all by itself; leave --accounts out"),
        (["--replay", "session", "--no-rate-limits"], "a recording tells all by itself; leave --rate-limits out"),
        (["wrong.toml", "--replay", "session"], "a recording tells all by itself; leave the configuration out"),
        (["--replay", "session", "--clock", "step"], "--clock step: a recording plays by itself"),
        (["--record", "nowhere/session"], "--record nowhere/session: cannot be written"),
    ],
)
def test_files_that_are_wrong_are_refused_in_one_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.toml").write_text("[[faults]\n")
    (tmp_path / "other.json").write_text('{"fault": []}')
    (tmp_path / "kind.toml").write_text('[[faults]]\nkind = "dance"\n')
    (tmp_path / "session").write_text('{"what":"session","ready":{}}\n')
    assert run(["exchange", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_what_is_downloaded_from_the_mexc_face_is_what_it_trades_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLAST_CATALOG", str(tmp_path / "catalog"))
    path = tmp_path / "market.parquet"
    write_sample(path, Market(days=3, symbols=1))
    # A quarter of the bars is history: more than two pages of it.
    with running("--venue", "mexc", "--data", str(path), "--clock", "step", "--history", "5000") as ready:
        now = datetime.fromtimestamp(state_of(ready)["clock"]["time_ms"] / 1_000, UTC)
        recorded = pl.read_parquet(path).filter(pl.col("ts") < now)
        window = ["--start", f"{recorded['ts'][0]:%Y-%m-%dT%H:%M}", "--end", f"{now:%Y-%m-%dT%H:%M}"]
        asked = ["--venue", "mexc", "--rest-url", ready["rest_url"], "--symbols", ready["symbols"][0]]
        assert run(["data", "download", *asked, *window, "--quiet"]) == 0
    assert len(recorded) > 1_000
    downloaded = Catalog().read("mexc/spot", ready["symbols"])
    assert downloaded.ts_ms.tolist() == recorded["ts"].dt.epoch("ms").to_list()
    for name in ("open", "high", "low", "close"):
        # The face tells prices on its ticks; recorded ones have more digits.
        np.testing.assert_allclose(getattr(downloaded, name), recorded[name], rtol=1e-4)
    np.testing.assert_allclose(downloaded.volume, recorded["volume"], atol=0.5)


def test_two_venues_listen_on_one_port_and_move_together(tmp_path: Path) -> None:
    with running("--venue", "bybit,mexc", "--clock", "step", "--accounts", "1", "--closed", "SNORTLUSDT") as ready:
        assert (ready["venue"], list(ready["venues"])) == ("bybit", ["bybit", "mexc"])
        bybit, mexc = ready["venues"].values()
        assert bybit["rest_url"] == mexc["rest_url"] == ready["rest_url"]
        assert mexc["public_url"].endswith("/ws")
        assert [len(one["keys"]) for one in (bybit, mexc)] == [1, 1]
        step = urllib.request.Request(f"{ready['operator_url']}/step", b'{"by_ms": 5000}', method="POST")
        urllib.request.urlopen(step).close()
        states = []
        for name in ("bybit", "mexc"):
            with urllib.request.urlopen(f"{ready['operator_url']}/state?venue={name}") as answer:
                states.append(json.load(answer))
        assert states[0]["clock"] == states[1]["clock"]
        assert states[0]["prices"] == states[1]["prices"]
        with urllib.request.urlopen(f"{ready['rest_url']}/api/v3/defaultSymbols") as answer:
            assert "SNORTLUSDT" not in json.load(answer)["data"]
        for path, code in (("/v5/nothing", "retCode"), ("/api/v3/nothing", "code"), ("/nothing", "retCode")):
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(f"{ready['rest_url']}{path}")
            with caught.value as told:
                assert json.load(told)[code] == 404
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{ready['operator_url']}/state?venue=nasdaq")
        caught.value.close()


@pytest.mark.parametrize("venue", ["bybit", "mexc"])
def test_either_venue_trades_the_spot_account_of_a_configuration(venue: str, tmp_path: Path) -> None:
    write_sample(tmp_path / "market.parquet", Market(days=1, symbols=2))
    (tmp_path / "spot.toml").write_text(SPOT)
    with running(str(tmp_path / "spot.toml"), "--venue", venue, "--clock", "step", "--accounts", "1") as ready:
        (account,) = state_of(ready)["accounts"]
        with urllib.request.urlopen(ready["rest_url"] + PAIRS[venue]) as answer:
            told = json.load(answer)
    assert (account["cash"], account["equity"]) == (777.0, 777.0)
    symbols = told["symbols"] if venue == "mexc" else told["result"]["list"]
    symbol = symbols[0] | symbols[0].get("priceFilter", {})
    assert (len(symbols), symbol["symbol"], symbol["tickSize"]) == (2, "BLORPUSDT", "0.0001")


def test_one_account_of_a_configuration_is_one_venues_and_its_kind_is_said_there(tmp_path: Path) -> None:
    write_sample(tmp_path / "market.parquet", Market(days=1, symbols=2))
    (tmp_path / "spot.toml").write_text(SPOT)
    spot = str(tmp_path / "spot.toml")
    assert run(["exchange", spot, "--venue", "mexc,bybit"]) == 2
    assert run(["exchange", spot, "--kind", "spot"]) == 2
