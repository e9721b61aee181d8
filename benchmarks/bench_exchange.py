"""
How many orders does the local exchange take?

``ballast exchange`` in a process of its own, clients in another: 50 clients with an account, a trade socket and a
private socket each; half of the orders rest, half take them, so that nearly every order fills and five messages follow
it. Then a day of minutes of 20 symbols at 1,000 times the wall's speed, all public streams heard; and memory while
messages go out as fast as they can. Rate limits are off. Run it by itself with
``python benchmarks/bench_exchange.py [--quick]``; ``--messages N`` sets how many messages memory is watched over.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl
from command import BALLAST
from rounds import ENVIRONMENT, HERE, Figure, figures, under

N_CLIENTS, N_SYMBOLS, DAY, HISTORY = 50, 20, 1_440, 60
N_ORDERS, N_PACED, N_ROUNDS = 50_000, 20_000, 3
PACE, WINDOW = 1_000, 2
LEAST_ORDERS, MOST_DELAY_MS = 5_000, 5.0
N_MESSAGES, N_MESSAGES_QUICK = 1_000_000, 200_000
MOST_GROWTH_MB = 20.0
START_NS = 1_735_689_600_000_000_000


@contextmanager
def exchange(directory: Path, *arguments: object) -> Iterator[Path]:
    """Start an exchange, and give the file of its first line, with the number of its process."""
    command = [*BALLAST, "exchange", "--no-rate-limits", "--accounts", "50", "--balance", "1e9", *map(str, arguments)]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        ready = directory / "ready.json"
        ready.write_text(json.dumps(json.loads(process.stdout.readline()) | {"process": process.pid}))
        yield ready
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def job(script: str, *arguments: object) -> dict[str, Any]:
    """Run a client beside the exchange; return what it printed."""
    command = [sys.executable, str(HERE / "jobs" / script), *map(str, arguments)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{script} failed:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout))


def write_bars(path: Path, n_bars: int) -> None:
    """Write minutes of 20 symbols, walks of 0.1 % a bar."""
    dice = np.random.default_rng(20)
    close = 100.0 * np.exp(np.cumsum(dice.normal(0.0, 1e-3, (n_bars, N_SYMBOLS)), axis=0))
    before = np.vstack([close[:1], close[:-1]])
    widest = np.exp(np.abs(dice.normal(0.0, 5e-4, close.shape)))
    times = np.datetime64(START_NS, "ns") + np.arange(n_bars) * np.timedelta64(60, "s")
    pl.DataFrame({
        "ts": pl.Series(np.repeat(times, N_SYMBOLS)).dt.replace_time_zone("UTC"),
        "symbol": np.tile([f"S{k:02}USDT" for k in range(N_SYMBOLS)], n_bars),
        "open": before.ravel(),
        "high": (np.maximum(before, close) * widest).ravel(),
        "low": (np.minimum(before, close) / widest).ravel(),
        "close": close.ravel(),
        "volume": np.full(close.size, 1_000.0),
    }).write_parquet(path)


def orders(directory: Path, *, is_quick: bool) -> str:
    """Measure order entry."""
    n_rounds, share = (1, 0.2) if is_quick else (N_ROUNDS, 1.0)
    with exchange(directory, "--clock", "step") as ready:
        flat_out = [
            job("exchange_client.py", ready, N_CLIENTS, int(N_ORDERS * share), 0, WINDOW) for _ in range(n_rounds)
        ]
        paced = [job("exchange_client.py", ready, N_CLIENTS, int(N_PACED * share), PACE, 1) for _ in range(n_rounds)]
    alone = job("exchange_kernel.py", N_CLIENTS, int(20_000 * share))
    cpu_us = 1e6 * median(one["server_cpu_s"] / one["n_orders"] for one in flat_out)
    rate, p99 = median(one["orders_per_cpu_s"] for one in flat_out), median(one["p99_ms"] for one in paced)
    best = max(one["orders_per_s"] for one in flat_out)
    pushes = median(one["n_pushes"] / one["n_orders"] for one in flat_out)
    fills = median(one["n_executions"] / one["n_orders"] for one in flat_out)
    return figures([
        Figure("orders a CPU second of the exchange", rate, f"at least {LEAST_ORDERS}", rate >= LEAST_ORDERS),
        Figure("orders a second by the wall, best round", best),
        Figure("messages pushed for an order", pushes),
        Figure("executions for an order", fills),
        under(f"order to answer at {PACE:,} a second, {N_CLIENTS} clients, p99 ms", p99, MOST_DELAY_MS),
        Figure("the same, p50 ms (1 ms of it is waited on purpose)", median(one["p50_ms"] for one in paced)),
        Figure("the same, p99 ms of the best round", min(one["p99_ms"] for one in paced)),
        Figure("CPU us an order, all of it", cpu_us),
        Figure("CPU us an order in the kernel", alone["kernel_us"]),
        Figure("CPU us an order in the venue, kernel included", alone["venue_us"]),
        Figure("share of the kernel, %", 100.0 * alone["kernel_us"] / cpu_us),
        Figure("share of protocol and sockets, %", 100.0 * (1.0 - alone["venue_us"] / cpu_us)),
    ])


def replay(directory: Path, *, is_quick: bool) -> str:
    """Measure a day at 1,000 times the wall's speed."""
    n_bars = DAY // 10 if is_quick else DAY
    bars = directory / "day.parquet"
    write_bars(bars, HISTORY + n_bars + 30)
    with exchange(directory, "--data", bars, "--clock", "1000x", "--history", HISTORY) as ready:
        done = job("exchange_listener.py", ready, 0, n_bars - 1)
    speed = (n_bars - 1) * 60.0 / done["seconds"]
    return figures([
        Figure("market seconds a second of the wall", speed, "at least 980", speed >= 980),
        Figure("CPU share of the exchange, %", 100.0 * done["server_cpu_s"] / done["seconds"]),
        Figure("messages heard", done["n_messages"]),
        Figure("closed bars heard", done["n_closed_bars"]),
    ])


def memory(directory: Path, n_messages: int) -> str:
    """Measure memory while messages go out as fast as they can."""
    bars = directory / "long.parquet"
    # More than four messages a symbol and bar, half as many again for those that are lost with a connection.
    write_bars(bars, HISTORY + n_messages * 3 // (8 * N_SYMBOLS) + 1_000)
    with exchange(directory, "--data", bars, "--clock", "max", "--history", HISTORY) as ready:
        done = job("exchange_listener.py", ready, n_messages, 0)
    growth = done["late_mb"] - done["early_mb"]
    return figures([
        under(f"growth from {n_messages // 5:,} to {n_messages:,} messages, MB", growth, MOST_GROWTH_MB),
        Figure("resident at the end, MB", done["late_mb"]),
        Figure("messages a CPU second", done["n_messages"] / done["server_cpu_s"]),
        Figure("connections, one more each time the listener was too slow", done["n_connections"]),
    ])


def section(*, is_quick: bool, n_messages: int | None = None) -> str:
    """Measure, and return a section of the results."""
    n_messages = n_messages or (N_MESSAGES_QUICK if is_quick else N_MESSAGES)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        return "\n\n".join([
            "## The local exchange",
            f"### Orders over sockets, {N_CLIENTS} clients",
            orders(directory, is_quick=is_quick),
            f"### {'A tenth of a day' if is_quick else 'A day'} of minutes of {N_SYMBOLS} symbols, 1,000 times as fast",
            replay(directory, is_quick=is_quick),
            f"### Memory over {n_messages:,} messages",
            memory(directory, n_messages),
        ])


if __name__ == "__main__":
    asked = sys.argv[1:]
    n = int(asked[asked.index("--messages") + 1]) if "--messages" in asked else None
    print(section(is_quick="--quick" in asked, n_messages=n))
