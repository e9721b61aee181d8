"""``ballast exchange``: a venue on this machine that speaks a real one's protocol."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ballast.cli.backtest import Settings
from ballast.model.errors import ConfigError, OutputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ballast.config import Config
    from ballast.venues.exchange.faces import Face
    from ballast.venues.exchange.market import Market, Setup
    from ballast.venues.exchange.pace import Pace
    from ballast.venues.exchange.venue import LocalVenue

KINDS = {"bybit": "unified_margin", "mexc": "spot"}
"""What accounts of each venue that is spoken for are."""
SAMPLE_DAYS = 3
MOST_SYMBOLS = 32
STAND_IN_TIERS = "bybit-btcusdt-2026-08"
MIN_NOTIONAL = {"bybit": 5.0, "mexc": 1.0}
LARGEST_LOT = {"bybit": 9, "mexc": 0}
"""Of made-up lots, as a power of ten: MEXC counts quantities in decimals."""
MEXC_TAKER_FEE_RATE = 0.0005


@dataclass(frozen=True)
class Offer:
    """What an exchange is made of, by venue, and what was taken for granted."""

    setups: Mapping[str, Setup]
    assumptions: tuple[str, ...]


def exchange(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE.toml]", help="Configuration: data, account, execution, instruments.")
    ] = None,
    settings: Settings = None,
    venue: Annotated[
        str, typer.Option("--venue", metavar="bybit|mexc|bybit,mexc", help="Whose protocol to speak.")
    ] = "bybit",
    data: Annotated[
        str | None,
        typer.Option(
            "--data", metavar="FILE|sample", help="Bars to trade on, without a configuration; sample if none."
        ),
    ] = None,
    clock: Annotated[
        str, typer.Option("--clock", metavar="wall|10x|step|max", help="How the market's time goes on.")
    ] = "wall",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Where to listen; 0 takes a free one.")] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the sample market.")] = 1,
    accounts: Annotated[int, typer.Option("--accounts", min=1, max=64, help="Accounts, each with a key.")] = 2,
    balance: Annotated[
        float | None,
        typer.Option("--balance", min=0, help="Quote money of each; else the configuration's, or 100,000."),
    ] = None,
    history: Annotated[
        int, typer.Option("--history", min=0, help="Bars at the start of the data that are past already.")
    ] = 500,
    closed: Annotated[
        str | None,
        typer.Option("--closed", metavar="SYMBOLS", help="What mexc shows and does not trade by API, commas between."),
    ] = None,
    rate_limits: Annotated[bool, typer.Option(help="Limit requests as the venue does.")] = True,
) -> None:
    """
    Start a venue on this machine, so that real clients trade on recorded bars through Ballast's kernel.

    When it is ready it prints one line of JSON: where it listens, and the test keys. Nothing leaves this machine.
    Two venues listen on one port and share the data and the clock, and nothing else.
    """
    venues = _venues(venue)
    if closed is not None and "mexc" not in venues:
        raise ConfigError(f"--closed {closed}: {venue} has no such symbols; it belongs to --venue mexc")
    if file is not None and data is not None:
        raise ConfigError(f"--data {data}: {file} names its data already; leave one of them out")

    import time

    from ballast.venues.exchange.pace import parse_pace

    pace = parse_pace(clock)
    if file:
        offer = _of_config(file, settings or (), venues, accounts)
    else:
        offer = _of_bars(data or "sample", seed, venues, accounts)
    begin_ns, faces, shut = time.time_ns(), [], _closed(closed, offer)
    for name, setup in offer.setups.items():
        market = replace(setup.market, start_frame=min(history, len(setup.market.feed.frames) // 4))
        terms = [replace(one, cash=one.cash if balance is None else balance) for one in setup.accounts]
        if pace.name == "wall":
            # The data begin now, at a bar's open.
            market = market.moved_by(begin_ns // market.interval_ns * market.interval_ns - market.start_ns)
        local = _warm(replace(setup, market=market, accounts=terms), pace)
        faces.append(_face_of(name, local, shut, rate_limits=rate_limits))
    _serve(faces, offer.assumptions, pace, port)


def _venues(text: str) -> tuple[str, ...]:
    """Return the venues that were asked for, each once."""
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in KINDS:
            raise ConfigError(f"--venue {name}: this version speaks {', '.join(KINDS)}")
    return names


def _of_config(file: Path, settings: Any, venues: tuple[str, ...], n_accounts: int) -> Offer:
    """Return the exchange that a configuration describes: the same market and account that a backtest of it has."""
    from ballast.backtest.setup import setup_from_config
    from ballast.cli.market import frames_of
    from ballast.config import load
    from ballast.model.enums import AccountKind
    from ballast.model.market import feed_of
    from ballast.venues.exchange.market import AccountTerms, FillTerms, Market, Setup

    config, (name, *others) = load(file, settings), venues
    if others:
        raise ConfigError(f"--venue {','.join(venues)}: {file} describes one account; choose one venue for it")
    if config.account.kind != KINDS[name]:
        asked = f'account.kind = "{config.account.kind}": accounts of {name} are {KINDS[name]}'
        fitting = next((one for one, kind in KINDS.items() if kind == config.account.kind), None)
        raise ConfigError(f"{asked}; choose --venue {fitting}" if fitting else asked)
    frames = frames_of(config)
    of = setup_from_config(config, frames)
    is_margin = config.account.is_margin
    tiers = of.tiers if is_margin else _stand_in_tiers(len(frames.symbols))
    market = Market(
        frames.symbols, feed_of(frames.records, of.marks, of.funding), frames.interval_ns, of.grids(), tiers
    )
    account = AccountTerms(
        "",
        cash=of.initial_capital,
        kind=AccountKind.UNIFIED_MARGIN if is_margin else AccountKind.SPOT,
        position_mode=of.position_mode,
        margin_model=of.margin_model,
        leverage=of.leverage[0] if is_margin else 1.0,
        maker_fee_rate=of.costs.maker_fee_rate,
        taker_fee_rate=of.costs.taker_fee_rate,
    )
    fills = FillTerms(
        slippage_rate=of.costs.slippage_bps / 10_000.0,
        participation=of.execution.volume_participation or float("inf"),
        path_policy=of.execution.path_policy,
        limit_fill=of.execution.limit_fill,
    )
    terms = [replace(account, name=f"account-{k}") for k in range(n_accounts)]
    return Offer({name: Setup(market, terms, fills)}, (*frames.contracts.assumptions, *_left_out(config)))


def _left_out(config: Config) -> list[str]:
    """Say what of a configuration a venue does not take from it."""
    said = []
    if len(set(config.leverages)) > 1:
        said.append("Every symbol starts with the first one's leverage; clients set their own.")
    if config.account.positions:
        said.append("Accounts start with money alone, without the coins that the configuration names.")
    if config.execution.latency_ns or config.execution.latency_bars:
        said.append("No latency is added: the way between client and exchange has its own.")
    return said


def _of_bars(source: str, seed: int, venues: tuple[str, ...], n_accounts: int) -> Offer:
    """Return an exchange on the sample market, or on a file's bars, with steps and tiers made up."""
    from ballast.data.frames import load_frames
    from ballast.data.sample import Market as Sample
    from ballast.data.sample import sample_table
    from ballast.data.source import symbols_in
    from ballast.model.enums import AccountKind
    from ballast.venues.exchange.market import AccountTerms, Setup

    if source == "live":
        raise ConfigError("--data live: this version trades recorded bars; name a file, or sample")
    if source == "sample":
        sample = Sample(seed=seed, days=SAMPLE_DAYS, symbols=4)
        table, symbols = sample_table(sample), sample.names
    else:
        table, symbols = source, symbols_in(source)
    if len(symbols) > MOST_SYMBOLS:
        raise ConfigError(f"--data {source}: {len(symbols)} symbols; choose up to {MOST_SYMBOLS} in a configuration")
    frames = load_frames(table, symbols)
    templates = {
        "bybit": AccountTerms(""),
        "mexc": AccountTerms(
            "", kind=AccountKind.SPOT, leverage=1.0, maker_fee_rate=0.0, taker_fee_rate=MEXC_TAKER_FEE_RATE
        ),
    }
    setups = {
        name: Setup(
            _made_up(frames, MIN_NOTIONAL[name], LARGEST_LOT[name]),
            [replace(templates[name], name=f"account-{k}") for k in range(n_accounts)],
        )
        for name in venues
    }
    return Offer(
        setups,
        (
            "Ticks and lots are made up from the first prices; a configuration names real ones.",
            f"Risk tiers are those of {STAND_IN_TIERS} for every symbol.",
            "There is no mark price: the last price stands in. No funding is paid.",
        ),
    )


def _stand_in_tiers(n_symbols: int) -> Any:
    """Return a table of tiers for symbols that have none; spot accounts never read it."""
    import numpy as np

    from ballast.data.tiers import tier_table

    one = tier_table(["BTCUSDT"], STAND_IN_TIERS).tiers
    tiers = np.concatenate([one] * n_symbols).view(np.recarray)
    tiers["symbol"] = np.repeat(np.arange(n_symbols), len(one))
    return tiers


def _made_up(frames: Any, min_notional: float, largest_lot: int) -> Market:
    import numpy as np

    from ballast.model.instrument import instruments, step_units
    from ballast.model.market import feed_of
    from ballast.venues.exchange.market import Market

    n_symbols = len(frames.symbols)
    grids = instruments(n_symbols)
    for symbol, grid in enumerate(grids):
        closes = frames.records["close"][:, symbol]
        # Five digits of price, and a lot worth some tenths of the quote currency.
        magnitude = int(np.floor(np.log10(closes[closes > 0.0][0])))
        grid.tick_units, grid.tick_scale = step_units(f"1e{magnitude - 4}", "tick")
        grid.lot_units, grid.lot_scale = step_units(f"1e{min(-magnitude - 1, largest_lot)}", "lot_step")
        grid.min_qty, grid.min_notional = grid.lot_units / grid.lot_scale, min_notional
    tiers = _stand_in_tiers(n_symbols)
    return Market(frames.symbols, feed_of(frames.records), frames.interval_ns, grids, tiers)


def _serve(faces: Sequence[Face], assumptions: tuple[str, ...], pace: Pace, port: int) -> None:
    import asyncio

    from ballast.venues.exchange.server import ExchangeServer

    async def run() -> None:
        import signal

        server, stop = ExchangeServer(faces, pace), asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        try:
            await server.start(port)
        except OSError as error:
            raise OutputError(f"--port {port}: cannot listen there ({error.strerror}); choose another, or 0") from None
        typer.echo(json.dumps(ready(server.port, faces, pace, assumptions)))
        waits = [asyncio.ensure_future(server.failed()), asyncio.ensure_future(stop.wait())]
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            for one in waits:
                one.cancel()
            await server.stop()

    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def _warm(setup: Setup, pace: Pace) -> LocalVenue:
    """Return a venue that is compiled, its clock set."""
    import time

    from ballast.venues.exchange.rehearsal import rehearse
    from ballast.venues.exchange.venue import LocalVenue

    rehearse(setup)
    venue = LocalVenue(setup)
    if pace.name == "wall":
        venue.advance_to(time.time_ns())
    return venue


def _face_of(name: str, venue: LocalVenue, closed: frozenset[str], *, rate_limits: bool) -> Face:
    """Return a venue behind its protocol."""
    from ballast.venues.exchange.keys import ApiKey

    n_accounts = len(venue.setup.accounts)
    keys = {f"test-key-{k}": ApiKey(f"test-key-{k}", f"test-secret-{k}", k) for k in range(n_accounts)}
    if name == "mexc":
        from ballast.venues.exchange.mexc.desk import Desk
        from ballast.venues.exchange.mexc.house import MexcFace
        from ballast.venues.exchange.mexc.limits import RateLimits

        return MexcFace(Desk(venue, keys, RateLimits(is_on=rate_limits), closed))

    from ballast.venues.exchange.bybit import desk as bybit
    from ballast.venues.exchange.bybit.house import BybitFace
    from ballast.venues.exchange.bybit.limits import RateLimits as BybitLimits

    return BybitFace(bybit.Desk(venue, keys, BybitLimits(is_on=rate_limits)))


def _closed(text: str | None, offer: Offer) -> frozenset[str]:
    """Return the symbols that ``--closed`` names."""
    from ballast.cli.options import names
    from ballast.model.errors import nearest

    wanted = names("--closed", text) if text else []
    for symbol in wanted:
        listed = offer.setups["mexc"].market.symbols
        if symbol not in listed:
            raise ConfigError(f"--closed {symbol}: no such symbol{nearest(symbol, listed)}")
    return frozenset(wanted)


def ready(port: int, faces: Sequence[Face], pace: Pace, assumptions: tuple[str, ...]) -> dict[str, Any]:
    """Return the line that tells clients where to go: to the first venue, and by ``venues`` to each."""
    venues = {
        face.name: {
            "venue": face.name,
            **face.addresses(f"127.0.0.1:{port}"),
            "symbols": list(face.venue.market.symbols),
            "keys": [
                {"account": key.account, "api_key": key.key, "api_secret": key.secret} for key in face.keys.values()
            ],
        }
        for face in faces
    }
    return {
        **venues[faces[0].name],
        "operator_url": f"http://127.0.0.1:{port}/operator",
        "clock": pace.name,
        "assumptions": list(assumptions),
        "venues": venues,
    }
