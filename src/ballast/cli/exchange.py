"""``ballast exchange``: a venue on this machine that speaks a real one's protocol."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ballast.cli.backtest import Settings
from ballast.cli.exchange_offers import KINDS, Offer, kinds_of, offer_of_config, offer_of_data
from ballast.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ballast.cli.exchange_live import LiveMarket
    from ballast.venues.exchange.faces import Face
    from ballast.venues.exchange.market import AccountTerms, Setup
    from ballast.venues.exchange.pace import Pace
    from ballast.venues.exchange.server import ExchangeServer
    from ballast.venues.exchange.venue import LocalVenue

LIVE = "live"
RANDOM = "random"
HEEDED_BY_REPLAY = frozenset({"replay", "clock", "port", "tls"})


def exchange(
    context: typer.Context,
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
            "--data",
            metavar="FILE|sample|live",
            help="What to trade on, without a configuration: bars, trades, quotes, messages; sample if none.",
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
    symbols: Annotated[
        str | None, typer.Option("--symbols", metavar="SYMBOLS", help="What to trade live, commas between.")
    ] = None,
    live_url: Annotated[
        str | None,
        typer.Option("--live-url", metavar="URL", help="An exchange that tells it, in place of Bybit's own hosts."),
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
    Start a venue on this machine, so that real clients trade on recorded or live data through Ballast's kernel.

    When it is ready it prints one line of JSON: where it listens, and the test keys. Nothing leaves this machine but
    the public questions of --data live.
    Two venues listen on one port and share the data and the clock, and nothing else.
    """
    venues = _venues(venue)
    if closed is not None and "mexc" not in venues:
        raise ConfigError(f"--closed {closed}: {venue} has no such symbols; it belongs to --venue mexc")
    if file is not None and data is not None:
        raise ConfigError(f"--data {data}: {file} names its data already; leave one of them out")
    if file is not None and kind is not None:
        raise ConfigError(f"--kind {kind}: {file} names its account already; leave one of them out")
    if file is None and settings:
        raise ConfigError(f"--set {settings[0]}: there is no configuration to put it over; name a FILE.toml")
    if balance is not None and not isfinite(balance):
        raise ConfigError(f"--balance {balance}: money is a finite number; write one such as 100000")

    from ballast.cli.exchange_view import watch
    from ballast.cli.serving import serve
    from ballast.venues.exchange.pace import parse_pace
    from ballast.venues.exchange.recording.capture import Recorder
    from ballast.venues.exchange.server import ExchangeServer

    pace = parse_pace(clock)
    _refuse_what_is_not_live(data, pace, symbols, live_url)
    if replay is not None:
        _refuse_beside_replay(context, replay)
        _play(replay, pace, port, tls=tls)
        return
    live = None
    if file:
        offer = offer_of_config(file, settings or (), venues, accounts)
    elif data == LIVE:
        offer, live = _live(symbols, live_url, history).offer(kinds_of(venues, kind), accounts)
    else:
        offer = offer_of_data(data or "sample", seed, kinds_of(venues, kind), accounts)
    script = None if faults in {None, RANDOM} else _script(Path(str(faults)))
    shut = _closed(closed, offer)
    faces = [
        _face_of(name, _warm(setup, pace), shut, rate_limits=rate_limits)
        for name, setup in _opened(offer, pace, balance, history)
    ]
    server = ExchangeServer(faces, pace, seed, live)
    _arm(server, script, faults)
    server.recorder = None if record is None else Recorder(record)
    try:
        serve(server, port, partial(_begin, server, offer.assumptions), tls=tls, watch=partial(watch, server))
    finally:
        if server.recorder is not None:
            server.recorder.end()


def _refuse_beside_replay(context: typer.Context, replay: Path) -> None:
    """Raise ``ConfigError`` for what the user has given that a recording does not heed."""
    for one in context.command.params:
        source = context.get_parameter_source(str(one.name))
        if one.name not in HEEDED_BY_REPLAY and source is not None and source.name == "COMMANDLINE":
            name = "the configuration" if one.name == "file" else one.opts[0]
            raise ConfigError(f"--replay {replay}: a recording tells all by itself; leave {name} out")


def _opened(offer: Offer, pace: Pace, balance: float | None, history: int) -> Iterator[tuple[str, Setup]]:
    """Give each venue's setup with its money, its history past and its data where the clock begins."""
    import time

    begin_ns = time.time_ns()
    for name, setup in offer.setups.items():
        if setup.market.is_live:
            yield name, replace(setup, accounts=_with_money(setup, balance))
            continue
        market = replace(setup.market, start_frame=min(history, len(setup.market.feed.frames) // 4))
        if pace.name == "wall":
            # The data begin now, at a bar's open.
            market = market.moved_by(begin_ns // market.interval_ns * market.interval_ns - market.start_ns)
        yield name, replace(setup, market=market, accounts=_with_money(setup, balance))


def _with_money(setup: Setup, balance: float | None) -> list[AccountTerms]:
    return [replace(one, cash=one.cash if balance is None else balance) for one in setup.accounts]


def _refuse_what_is_not_live(data: str | None, pace: Pace, symbols: str | None, url: str | None) -> None:
    """Raise ``ConfigError`` for options that do not go with what is traded on."""
    if data == LIVE:
        if pace.name != "wall":
            raise ConfigError(f"--clock {pace.name}: a live market goes by the wall's; leave it out")
        if url is not None and not url.startswith(("http://", "https://")):
            raise ConfigError(f"--live-url {url}: that is no address of a REST host; begin it with http:// or https://")
        return
    for name, value in (("--symbols", symbols), ("--live-url", url)):
        if value is not None:
            raise ConfigError(f"{name} {value}: it belongs to --data live")


def _live(symbols: str | None, url: str | None, history: int) -> LiveMarket:
    from ballast.cli.exchange_live import live_market
    from ballast.cli.options import names

    if symbols is None:
        raise ConfigError("--data live: nothing says what to trade; name it with --symbols BTCUSDT,ETHUSDT")
    return live_market(names("--symbols", symbols), url, history)


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
