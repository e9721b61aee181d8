"""``ballast exchange``: a venue on this machine that speaks a real one's protocol."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ballast.cli.backtest import Settings
from ballast.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ballast.config import Config
    from ballast.venues.exchange.faces import Face
    from ballast.venues.exchange.market import Market, Setup
    from ballast.venues.exchange.pace import Pace
    from ballast.venues.exchange.server import ExchangeServer
    from ballast.venues.exchange.venue import LocalVenue

RANDOM = "random"
KINDS = {"bybit": ("unified_margin", "spot"), "mexc": ("spot",)}
"""What accounts of each venue that is spoken for may be; the first unless it is said."""
SAMPLE_DAYS = 3
MOST_SYMBOLS = 32
STAND_IN_TIERS = "bybit-btcusdt-2026-08"
MIN_NOTIONAL = {"bybit": 5.0, "mexc": 1.0}
LARGEST_LOT = {"unified_margin": 9, "spot": 0}
"""Of made-up lots, as a power of ten: quantities of coins are counted in decimals."""
SPOT_FEE_RATES = {"bybit": (0.001, 0.001), "mexc": (0.0, 0.0005)}
"""Of maker and taker."""


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
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            metavar="unified_margin|spot",
            help="What accounts are, without a configuration; else unified_margin at bybit, spot at mexc.",
        ),
    ] = None,
    clock: Annotated[
        str, typer.Option("--clock", metavar="wall|10x|step|max", help="How the market's time goes on.")
    ] = "wall",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Where to listen; 0 takes a free one.")] = 0,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Of the sample market, and of what faults leave to chance.")
    ] = 1,
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
    faults: Annotated[
        str | None,
        typer.Option(
            "--faults", metavar="FILE|random", help="Faults to inject: a TOML or JSON file, or a bad day by --seed."
        ),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option("--record", metavar="FILE", help="Write what clients ask and are told, with times; .gz is small."),
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option("--replay", metavar="FILE", help="Play a recorded session, or recorded public messages, instead."),
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Encrypt, with a certificate made for this run.")] = False,
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
    if file is not None and kind is not None:
        raise ConfigError(f"--kind {kind}: {file} names its account already; leave one of them out")

    from ballast.cli.exchange_view import watch
    from ballast.cli.serving import serve
    from ballast.venues.exchange.pace import parse_pace
    from ballast.venues.exchange.recording.capture import Recorder
    from ballast.venues.exchange.server import ExchangeServer

    pace = parse_pace(clock)
    if replay is not None:
        given = {"a configuration": file, "--data": data, "--kind": kind, "--faults": faults, "--record": record}
        if others := [name for name, value in given.items() if value is not None]:
            raise ConfigError(f"--replay {replay}: it has its own data; leave {others[0]} out")
        _play(replay, pace, port, tls=tls)
        return
    if file:
        offer = _of_config(file, settings or (), venues, accounts)
    else:
        offer = offer_of_bars(data or "sample", seed, _kinds(venues, kind), accounts)
    script = None if faults in {None, RANDOM} else _script(Path(str(faults)))
    shut = _closed(closed, offer)
    faces = [
        _face_of(name, _warm(setup, pace), shut, rate_limits=rate_limits)
        for name, setup in _opened(offer, pace, balance, history)
    ]
    server = ExchangeServer(faces, pace, seed)
    _arm(server, script, faults)
    server.recorder = None if record is None else Recorder(record)
    try:
        serve(server, port, partial(_begin, server, offer.assumptions), tls=tls, watch=partial(watch, server))
    finally:
        if server.recorder is not None:
            server.recorder.end()


def _opened(offer: Offer, pace: Pace, balance: float | None, history: int) -> Iterator[tuple[str, Setup]]:
    """Give each venue's setup with its money, its history past and its data where the clock begins."""
    import time

    begin_ns = time.time_ns()
    for name, setup in offer.setups.items():
        market = replace(setup.market, start_frame=min(history, len(setup.market.feed.frames) // 4))
        terms = [replace(one, cash=one.cash if balance is None else balance) for one in setup.accounts]
        if pace.name == "wall":
            # The data begin now, at a bar's open.
            market = market.moved_by(begin_ns // market.interval_ns * market.interval_ns - market.start_ns)
        yield name, replace(setup, market=market, accounts=terms)


def _arm(server: ExchangeServer, script: Any, source: str | None) -> None:
    """Put faults in force at every venue: those of a script that it can show, or a bad day where there is none."""
    injections = list(server.injections.values())
    for injection in injections:
        if script is not None:
            # What none of them can show, and what is wrong, the first one refuses.
            others = [one.face.faults for one in injections if one is not injection]
            foreign = frozenset().union(*others) - injection.face.faults
            shown = [one for one in script if not isinstance(one, dict) or one.get("kind") not in foreign]
            injection.arm(shown, f"--faults {source}")
        elif source is not None:
            injection.arm_at_random()


def _begin(server: ExchangeServer, assumptions: tuple[str, ...], port: int) -> dict[str, Any]:
    """Return the ready line, which is a recording's first."""
    line = ready(port, list(server.faces.values()), server.pace, assumptions)
    if server.recorder is not None:
        server.recorder.begin(line)
    return line


def _venues(text: str) -> tuple[str, ...]:
    """Return the venues that were asked for, each once."""
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in KINDS:
            raise ConfigError(f"--venue {name}: this version speaks {', '.join(KINDS)}")
    return names


def _kinds(venues: Sequence[str], kind: str | None) -> dict[str, str]:
    """Return what accounts of each venue are."""
    for name in venues:
        if kind is not None and kind not in KINDS[name]:
            raise ConfigError(f"--kind {kind}: accounts of {name} are {' or '.join(KINDS[name])}")
    return {name: kind or KINDS[name][0] for name in venues}


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
    if config.account.kind not in KINDS[name]:
        asked = f'account.kind = "{config.account.kind}": accounts of {name} are {" or ".join(KINDS[name])}'
        fitting = next((one for one, kinds in KINDS.items() if config.account.kind in kinds), None)
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


def offer_of_bars(source: str, seed: int, kinds: Mapping[str, str], n_accounts: int) -> Offer:
    """Return an exchange on the sample market, or on a file's bars, with steps and tiers made up; accounts by venue."""
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
    setups = {}
    for name, kind in kinds.items():
        terms = AccountTerms("")
        if kind == "spot":
            maker, taker = SPOT_FEE_RATES[name]
            terms = replace(terms, kind=AccountKind.SPOT, leverage=1.0, maker_fee_rate=maker, taker_fee_rate=taker)
        market = _made_up(frames, MIN_NOTIONAL[name], LARGEST_LOT[kind])
        setups[name] = Setup(market, [replace(terms, name=f"account-{k}") for k in range(n_accounts)])
    of_margin = (
        f"Risk tiers are those of {STAND_IN_TIERS} for every symbol.",
        "There is no mark price: the last price stands in. No funding is paid.",
    )
    return Offer(
        setups,
        (
            "Ticks and lots are made up from the first prices; a configuration names real ones.",
            *(of_margin if "unified_margin" in kinds.values() else ()),
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


def _script(path: Path) -> Any:
    """Return the faults that a file lists, as plain values; raises ``ConfigError``."""
    import tomllib

    try:
        text = path.read_text(encoding="utf-8")
        read = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"--faults {path}: cannot be read ({error.strerror}); name a file, or random") from None
    except ValueError as error:
        raise ConfigError(f"--faults {path}: {error}; write TOML, or JSON in a file that ends so") from None
    if not isinstance(read, dict) or set(read) != {"faults"}:
        raise ConfigError(f"--faults {path}: the file holds faults and nothing else; write [[faults]] for each")
    if not isinstance(read["faults"], list):
        raise ConfigError(f"--faults {path}: faults is a list; write [[faults]] for each")
    return read["faults"]


def _play(path: Path, pace: Pace, port: int, *, tls: bool) -> None:
    """Play a recording to clients."""
    from ballast.cli.serving import serve
    from ballast.venues.exchange.recording.replay import replay_of

    if pace.is_stepped:
        raise ConfigError("--clock step: a recording plays by itself; choose wall, max or a multiple such as 10x")
    server, line = replay_of(path, pace.speed)
    serve(server, port, line, tls=tls)


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
