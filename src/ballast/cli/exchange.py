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
    from collections.abc import Sequence

    from ballast.config import Config
    from ballast.venues.exchange.faces import Face
    from ballast.venues.exchange.market import Market, Setup
    from ballast.venues.exchange.pace import Pace
    from ballast.venues.exchange.server import ExchangeServer

VENUES = ("bybit",)
RANDOM = "random"
SAMPLE_DAYS = 3
MOST_SYMBOLS = 32
STAND_IN_TIERS = "bybit-btcusdt-2026-08"
MIN_NOTIONAL = 5.0


@dataclass(frozen=True)
class Offer:
    """What an exchange is made of, and what was taken for granted."""

    setup: Setup
    assumptions: tuple[str, ...]


def exchange(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE.toml]", help="Configuration: data, account, execution, instruments.")
    ] = None,
    settings: Settings = None,
    venue: Annotated[str, typer.Option("--venue", help="Whose protocol to speak: bybit.")] = "bybit",
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
    """
    if venue not in VENUES:
        raise ConfigError(f"--venue {venue}: this version speaks {', '.join(VENUES)}")
    if file is not None and data is not None:
        raise ConfigError(f"--data {data}: {file} names its data already; leave one of them out")

    import time

    from ballast.cli.exchange_view import watch
    from ballast.cli.serving import serve
    from ballast.venues.exchange.pace import parse_pace
    from ballast.venues.exchange.recording.capture import Recorder
    from ballast.venues.exchange.server import ExchangeServer

    pace = parse_pace(clock)
    if replay is not None:
        given = {"a configuration": file, "--data": data, "--faults": faults, "--record": record}
        if others := [name for name, value in given.items() if value is not None]:
            raise ConfigError(f"--replay {replay}: it has its own data; leave {others[0]} out")
        _play(replay, pace, port, tls=tls)
        return
    offer = _of_config(file, settings or (), accounts) if file else offer_of_bars(data or "sample", seed, accounts)
    setup = offer.setup
    market = replace(setup.market, start_frame=min(history, len(setup.market.feed.frames) // 4))
    terms = [replace(one, cash=one.cash if balance is None else balance) for one in setup.accounts]
    if pace.name == "wall":
        # The data begin now, at a bar's open.
        market = market.moved_by(time.time_ns() // market.interval_ns * market.interval_ns - market.start_ns)
    script = None if faults in {None, RANDOM} else _script(Path(str(faults)))
    face = _face_of(replace(setup, market=market, accounts=terms), pace, rate_limits=rate_limits)
    server = ExchangeServer([face], pace, seed)
    for injection in server.injections.values():
        if script is not None:
            injection.arm(script, f"--faults {faults}")
        elif faults is not None:
            injection.arm_at_random()
    server.recorder = None if record is None else Recorder(record)
    try:
        serve(server, port, partial(_begin, server, offer.assumptions), tls=tls, watch=partial(watch, server))
    finally:
        if server.recorder is not None:
            server.recorder.end()


def _begin(server: ExchangeServer, assumptions: tuple[str, ...], port: int) -> dict[str, Any]:
    """Return the ready line, which is a recording's first."""
    line = ready(port, list(server.faces.values()), server.pace, assumptions)
    if server.recorder is not None:
        server.recorder.begin(line)
    return line


def _of_config(file: Path, settings: Any, n_accounts: int) -> Offer:
    """Return the exchange that a configuration describes: the same market and account that a backtest of it has."""
    from ballast.backtest.setup import setup_from_config
    from ballast.cli.market import frames_of
    from ballast.config import load
    from ballast.model.market import feed_of
    from ballast.venues.exchange.market import AccountTerms, FillTerms, Market, Setup

    config = load(file, settings)
    if not config.account.is_margin:
        raise ConfigError(
            f'account.kind = "{config.account.kind}": the local exchange trades unified_margin accounts alone'
        )
    frames = frames_of(config)
    of = setup_from_config(config, frames)
    market = Market(
        frames.symbols, feed_of(frames.records, of.marks, of.funding), frames.interval_ns, of.grids(), of.tiers
    )
    account = AccountTerms(
        "",
        cash=of.initial_capital,
        position_mode=of.position_mode,
        margin_model=of.margin_model,
        leverage=of.leverage[0],
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
    return Offer(Setup(market, terms, fills), (*frames.contracts.assumptions, *_left_out(config)))


def _left_out(config: Config) -> list[str]:
    """Say what of a configuration a venue does not take from it."""
    said = []
    if len(set(config.leverages)) > 1:
        said.append("Every symbol starts with the first one's leverage; clients set their own.")
    if config.execution.latency_ns or config.execution.latency_bars:
        said.append("No latency is added: the way between client and exchange has its own.")
    return said


def offer_of_bars(source: str, seed: int, n_accounts: int) -> Offer:
    """Return an exchange on the sample market, or on a file's bars, with steps and tiers made up."""
    from ballast.data.frames import load_frames
    from ballast.data.sample import Market as Sample
    from ballast.data.sample import sample_table
    from ballast.data.source import symbols_in
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
    market = _made_up(load_frames(table, symbols))
    terms = [AccountTerms(f"account-{k}") for k in range(n_accounts)]
    return Offer(
        Setup(market, terms),
        (
            "Ticks and lots are made up from the first prices; a configuration names real ones.",
            f"Risk tiers are those of {STAND_IN_TIERS} for every symbol.",
            "There is no mark price: the last price stands in. No funding is paid.",
        ),
    )


def _made_up(frames: Any) -> Market:
    import numpy as np

    from ballast.data.tiers import tier_table
    from ballast.model.instrument import instruments, step_units
    from ballast.model.market import feed_of
    from ballast.venues.exchange.market import Market

    n_symbols = len(frames.symbols)
    grids = instruments(n_symbols)
    one = tier_table(["BTCUSDT"], STAND_IN_TIERS).tiers
    tiers = np.concatenate([one] * n_symbols).view(np.recarray)
    tiers["symbol"] = np.repeat(np.arange(n_symbols), len(one))
    for symbol, grid in enumerate(grids):
        closes = frames.records["close"][:, symbol]
        # Five digits of price, and a lot worth some tenths of the quote currency.
        magnitude = int(np.floor(np.log10(closes[closes > 0.0][0])))
        grid.tick_units, grid.tick_scale = step_units(f"1e{magnitude - 4}", "tick")
        grid.lot_units, grid.lot_scale = step_units(f"1e{-magnitude - 1}", "lot_step")
        grid.min_qty, grid.min_notional = grid.lot_units / grid.lot_scale, MIN_NOTIONAL
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
    return read["faults"]


def _play(path: Path, pace: Pace, port: int, *, tls: bool) -> None:
    """Play a recording to clients."""
    from ballast.cli.serving import serve
    from ballast.venues.exchange.recording.replay import replay_of

    if pace.is_stepped:
        raise ConfigError("--clock step: a recording plays by itself; choose wall, max or a multiple such as 10x")
    server, line = replay_of(path, pace.speed)
    serve(server, port, line, tls=tls)


def _face_of(setup: Setup, pace: Pace, *, rate_limits: bool) -> Face:
    """Return a venue behind its protocol, warmed up, its clock set."""
    import time

    from ballast.venues.exchange.bybit.desk import Desk
    from ballast.venues.exchange.bybit.house import BybitFace
    from ballast.venues.exchange.bybit.limits import RateLimits
    from ballast.venues.exchange.keys import ApiKey
    from ballast.venues.exchange.rehearsal import rehearse
    from ballast.venues.exchange.venue import LocalVenue

    rehearse(setup)
    venue = LocalVenue(setup)
    if pace.name == "wall":
        venue.advance_to(time.time_ns())
    keys = {f"test-key-{k}": ApiKey(f"test-key-{k}", f"test-secret-{k}", k) for k in range(len(setup.accounts))}
    return BybitFace(Desk(venue, keys, RateLimits(is_on=rate_limits)))


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
