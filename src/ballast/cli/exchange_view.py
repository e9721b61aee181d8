"""What an exchange shows in a terminal while it runs: where it listens, its clock, clients, accounts and faults."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ballast.venues.exchange.server import ExchangeServer

PERIOD_S = 0.5
MOST_ACCOUNTS = 12
MOST_FAULTS = 8


class Seen(NamedTuple):
    """A venue at one look: the operator's state, its faults, sockets, orders so far, and its live feed's state."""

    name: str
    state: Mapping[str, Any]
    faults: Sequence[Mapping[str, Any]]
    n_sockets: int
    n_orders: int
    live: Mapping[str, Any] | None = None


async def watch(server: ExchangeServer, line: Mapping[str, Any]) -> None:
    """Show the exchange on standard error until it is cancelled."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True, highlight=False)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        before, before_s = look(server), time.monotonic()
        rates = [0.0] * len(before)
        while True:
            live.update(render(line, before, rates), refresh=True)
            await asyncio.sleep(PERIOD_S)
            now, now_s = look(server), time.monotonic()
            rates = [(b.n_orders - a.n_orders) / (now_s - before_s) for a, b in zip(before, now, strict=True)]
            before, before_s = now, now_s


def look(server: ExchangeServer) -> list[Seen]:
    """Return what there is to show, venue by venue."""
    from ballast.venues.exchange import operator

    return [
        Seen(
            face.name,
            operator.state(face.venue, server.pace),
            server.injections[face.name].schedule.told(),
            server.n_sockets,
            face.venue.orders.n_orders,
            None if server.live is None else server.live.state(face.venue.now_ns),
        )
        for face in server.faces.values()
    ]


def render(line: Mapping[str, Any], seen: Sequence[Seen], rates: Sequence[float]) -> RenderableType:
    """Return the view; ``rates`` are orders a second by venue."""
    from rich.console import Group
    from rich.text import Text

    where = [f"{name.removesuffix('_url'):>9}  {url}" for name, url in line.items() if name.endswith("_url")]
    parts: list[RenderableType] = [Text("\n".join(where))]
    if seen and seen[0].live is not None:
        parts.append(_feed(seen[0].live))
    for one, rate in zip(seen, rates, strict=True):
        parts += [Text(_summary(one, rate), style="bold"), _accounts(one.state["accounts"])]
        if one.faults:
            parts.append(Text("\n".join(map(_fault, one.faults[-MOST_FAULTS:])), style="yellow"))
    return Group(*parts)


def _summary(one: Seen, rate: float) -> str:
    clock = one.state["clock"]
    at = datetime.fromtimestamp(clock["time_ms"] / 1_000, UTC)
    n_open = sum(len(account["orders"]) for account in one.state["accounts"])
    end = ", the data have ended" if clock["has_ended"] else ""
    return (
        f"{one.name}: {at:%Y-%m-%d %H:%M:%S} UTC, clock {clock['pace']}{end}; {one.n_sockets} sockets, "
        f"{rate:,.0f} orders/s, {one.n_orders:,} taken, {n_open:,} open, {one.state['n_fills']:,} fills, "
        f"{len(one.faults)} faults armed"
    )


def _feed(live: Mapping[str, Any]) -> RenderableType:
    from rich.text import Text

    ages = (
        f"{name} {'no price' if one['is_stale'] else 'heard'}"
        + ("" if one["age_ms"] is None else f" {one['age_ms'] / 1_000:.1f} s ago")
        for name, one in live["symbols"].items()
    )
    is_well = live["is_connected"] and not any(one["is_stale"] for one in live["symbols"].values())
    text = f"live: {live['source']} {'connected' if live['is_connected'] else 'LOST'}; {', '.join(ages)}"
    return Text(text, style="" if is_well else "bold red")


def _accounts(accounts: Sequence[Mapping[str, Any]]) -> RenderableType:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("account")
    for name in ("equity", "initial margin", "maintenance", "orders"):
        table.add_column(name, justify="right")
    table.add_column("positions")
    for account in accounts[:MOST_ACCOUNTS]:
        held = [f"{leg['qty']:+g} {leg['symbol']}" for leg in account["positions"] if leg["qty"]]
        money = (f"{account[name]:,.2f}" for name in ("equity", "initial_margin", "maintenance_margin"))
        table.add_row(account["name"], *money, str(len(account["orders"])), ", ".join(held[:4]) or "flat")
    if len(accounts) > MOST_ACCOUNTS:
        table.add_row(f"and {len(accounts) - MOST_ACCOUNTS} more")
    return table


def _fault(fault: Mapping[str, Any]) -> str:
    return f"  {fault['kind']} {fault.get('match', '')}: {fault['n_struck']} of {fault['n_matched']}"
