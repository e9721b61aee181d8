"""A whole bot, unmodified, trades contracts at the local exchange; its books and the kernel's tell the same."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.architecture.sources import ROOT
from tests.judges.exchanges import running

FREQTRADE = ROOT / ".venv-freqtrade" / "bin" / "freqtrade"
BOT = ROOT / "tests" / "judges" / "freqtrade_bot"
BALANCE = 20_000.0
PATIENCE_S = 240.0
WANTED_TRADES = 6


def freqtrade() -> str:
    """Return the bot's program, or skip the test."""
    program = Path(os.environ.get("BALLAST_FREQTRADE") or FREQTRADE)
    if not program.exists():
        pytest.skip("freqtrade is not installed: run 'make freqtrade', or set BALLAST_FREQTRADE to the program")
    return str(program)


def configuration(ready: dict[str, Any], database: Path) -> dict[str, Any]:
    """Return the bot's configuration, which is as for the venue but for ``ccxt_config``."""
    url, key = ready["rest_url"], ready["keys"][0]
    pricing = {"price_side": "other", "use_order_book": False}
    return {
        "bot_name": "judge",
        "db_url": f"sqlite:///{database}",
        "dry_run": False,
        "initial_state": "running",
        "internals": {"process_throttle_secs": 1},
        "trading_mode": "futures",
        "margin_mode": "isolated",
        "max_open_trades": 5,
        "stake_currency": "USDT",
        "stake_amount": 100,
        "tradable_balance_ratio": 0.9,
        "timeframe": "1m",
        "entry_pricing": pricing,
        "exit_pricing": pricing,
        "order_types": {"entry": "market", "exit": "market", "stoploss": "market", "stoploss_on_exchange": False},
        "pairlists": [{"method": "StaticPairList"}],
        "exchange": {
            "name": "bybit",
            "key": key["api_key"],
            "secret": key["api_secret"],
            "enable_ws": False,
            "pair_whitelist": [f"{name}/USDT:USDT" for name in ("BLORP", "SNORTL", "WOBBLO")],
            "ccxt_config": {"urls": {"api": dict.fromkeys(("spot", "futures", "v2", "public", "private"), url)}},
        },
    }


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    if not database.exists():
        return []
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        try:
            return connection.execute(query).fetchall()
        except sqlite3.OperationalError:
            # The bot has not made its tables yet.
            return []


def wait_for(bot: subprocess.Popen[bytes], database: Path) -> None:
    """Wait until enough trades are closed and none is open, far from a new minute, which may open the next."""
    deadline = time.monotonic() + PATIENCE_S
    query = "select sum(is_open = 0), sum(is_open) from trades"
    while time.monotonic() < deadline and bot.poll() is None:
        found = rows(database, query)
        n_closed, n_open = found[0] if found else (None, None)
        if (n_closed or 0) >= WANTED_TRADES and not n_open and time.time() % 60.0 < 50.0:
            return
        time.sleep(0.2)


@pytest.mark.verify
def test_freqtrade_trades_contracts_one_way_and_its_books_are_the_kernels(tmp_path: Path) -> None:
    program, database, log = freqtrade(), tmp_path / "trades.sqlite", tmp_path / "freqtrade.log"
    with running("--clock", "wall", "--data", "sample", "--balance", f"{BALANCE:g}") as ready:
        (tmp_path / "config.json").write_text(json.dumps(configuration(ready, database)))
        command = [program, "trade", "-c", "config.json", "--userdir", str(BOT), "--strategy", "Turns"]
        with log.open("wb") as output:
            bot = subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=output)
            try:
                wait_for(bot, database)
            finally:
                bot.send_signal(signal.SIGINT)
                bot.wait(60)
        with urlopen(f"{ready['operator_url']}/state") as answer:
            account = json.load(answer)["accounts"][0]
    text = log.read_text(errors="replace")
    closed = rows(database, "select pair, is_short, close_profit_abs, amount from trades where is_open = 0")
    assert len(closed) >= WANTED_TRADES, text[-2_000:]
    assert {is_short for _, is_short, _, _ in closed} == {0, 1}, text[-2_000:]
    assert rows(database, "select * from trades where is_open = 1") == []
    assert [leg["qty"] for leg in account["positions"]] == [0.0] * len(account["positions"])
    assert {leg["leverage"] for leg in account["positions"] if leg["symbol"] == "BLORPUSDT"} == {3.0}
    # The bot keeps eight decimals of each trade's profit.
    assert account["cash"] - BALANCE == pytest.approx(sum(profit for *_, profit, _ in closed), abs=1e-6)
