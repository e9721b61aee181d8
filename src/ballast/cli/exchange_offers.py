"""What an exchange is made of: the market, the accounts, and what is made up where data do not say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ballast.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ballast.config import Config
    from ballast.data.frames import Frames
    from ballast.venues.exchange.market import AccountTerms, Books, Market, Setup

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
TICKS_INTERVAL_MS = 60_000
"""Of the bars of ticks."""
MOST_DECIMALS = 8
CAPTURES = frozenset({".jsonl", ".log", ".txt"})
"""How the names of files end, but for .gz, that hold messages."""

TIERS_AND_MARKS = (
    f"Risk tiers are those of {STAND_IN_TIERS} for every symbol.",
    "There is no mark price: the last price stands in. No funding is paid.",
)


@dataclass(frozen=True)
class Offer:
    """What an exchange is made of, by venue, and what was taken for granted."""

    setups: Mapping[str, Setup]
    assumptions: tuple[str, ...]


def kinds_of(venues: Sequence[str], kind: str | None) -> dict[str, str]:
    """Return what accounts of each venue are; raises ``ConfigError`` for a kind that one of them has not."""
    for name in venues:
        if kind is not None and kind not in KINDS[name]:
            raise ConfigError(f"--kind {kind}: accounts of {name} are {' or '.join(KINDS[name])}")
    return {name: kind or KINDS[name][0] for name in venues}


def offer_of_config(file: Path, settings: Any, venues: tuple[str, ...], n_accounts: int) -> Offer:
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
    tiers = of.tiers if is_margin else stand_in_tiers(len(frames.symbols))
    feed = feed_of(_frames_of(frames), of.marks, of.funding, frames.ticks)
    market = Market(frames.symbols, feed, frames.interval_ns, of.grids(), tiers)
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


def offer_of_data(source: str, seed: int, kinds: Mapping[str, str], n_accounts: int) -> Offer:
    """
    Return an exchange on the sample market, or on what a file holds, with steps and tiers made up.

    ``kinds`` says what accounts of each venue are.
    """
    from ballast.data.frames import load_frames
    from ballast.data.sample import Market as Sample
    from ballast.data.sample import sample_table
    from ballast.data.source import symbols_in
    from ballast.data.ticks import frames_from_ticks, kind_of, read_ticks

    if Path(source.removesuffix(".gz")).suffix in CAPTURES:
        return _offer_of_capture(Path(source), kinds, n_accounts)
    if source == "sample":
        sample = Sample(seed=seed, days=SAMPLE_DAYS, symbols=4)
        return offer_of_frames(load_frames(sample_table(sample), sample.names), kinds, n_accounts)
    kind, symbols = kind_of(Path(source)), symbols_in(source)
    _refuse_too_many(source, symbols)
    if kind == "bars":
        return offer_of_frames(load_frames(source, symbols), kinds, n_accounts)
    _refuse_mixed(source)
    ticks = read_ticks(Path(source), symbols, kind)
    return offer_of_frames(frames_from_ticks(ticks, symbols, TICKS_INTERVAL_MS), kinds, n_accounts)


def _offer_of_capture(path: Path, kinds: Mapping[str, str], n_accounts: int) -> Offer:
    from ballast.data.ticks import Ticks, frames_from_ticks
    from ballast.venues.recorded_feed import read_market

    market = read_market(path)
    symbols = market.capture.symbols
    _refuse_too_many(str(path), symbols)
    frames = frames_from_ticks(Ticks(market.ticks, 0), symbols, TICKS_INTERVAL_MS)
    return offer_of_frames(frames, kinds, n_accounts, market if market.deepest else None)


def offer_of_frames(frames: Frames, kinds: Mapping[str, str], n_accounts: int, books: Books | None = None) -> Offer:
    """Return an exchange on bars, or on ticks and the bars that they make, with steps and tiers made up."""
    from ballast.venues.exchange.market import FillTerms, Setup

    has_ticks = frames.ticks is not None
    # Who takes a recorded price pays that price.
    fills = FillTerms(slippage_rate=0.0) if has_ticks else FillTerms()
    setups = {
        name: Setup(
            replace(_made_up(frames, MIN_NOTIONAL[name], LARGEST_LOT[kind]), books=books),
            account_terms(name, kind, n_accounts),
            fills,
        )
        for name, kind in kinds.items()
    }
    steps = "finest prices and sizes that are recorded" if has_ticks else "first prices"
    return Offer(
        setups,
        (
            f"Ticks and lots are made up from the {steps}; a configuration names real ones.",
            *(TIERS_AND_MARKS if "unified_margin" in kinds.values() else ()),
        ),
    )


def account_terms(venue: str, kind: str, n_accounts: int) -> list[AccountTerms]:
    """Return accounts of a kind as a venue opens them."""
    from ballast.model.enums import AccountKind
    from ballast.venues.exchange.market import AccountTerms

    terms = AccountTerms("")
    if kind == "spot":
        maker, taker = SPOT_FEE_RATES[venue]
        terms = replace(terms, kind=AccountKind.SPOT, leverage=1.0, maker_fee_rate=maker, taker_fee_rate=taker)
    return [replace(terms, name=f"account-{k}") for k in range(n_accounts)]


def _refuse_too_many(source: str, symbols: Sequence[str]) -> None:
    if len(symbols) > MOST_SYMBOLS:
        raise ConfigError(f"--data {source}: {len(symbols)} symbols; choose up to {MOST_SYMBOLS} in a configuration")


def _frames_of(frames: Frames) -> Any:
    """Return the records of frames; between those of ticks none is missing, so that there is always one to trade in."""
    from ballast.bars.of_ticks import without_gaps

    return frames.records if frames.ticks is None else without_gaps(frames.records, frames.interval_ns)


def stand_in_tiers(n_symbols: int) -> Any:
    """Return a table of tiers for symbols that have none; spot accounts never read it."""
    import numpy as np

    from ballast.data.tiers import tier_table

    one = tier_table(["BTCUSDT"], STAND_IN_TIERS).tiers
    tiers = np.concatenate([one] * n_symbols).view(np.recarray)
    tiers["symbol"] = np.repeat(np.arange(n_symbols), len(one))
    return tiers


def _made_up(frames: Frames, min_notional: float, largest_lot: int) -> Market:
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
        tick, lot = magnitude - 4, -magnitude - 1
        if frames.ticks is not None:
            ticks = frames.ticks[frames.ticks["symbol"] == symbol]
            tick = _finest(np.concatenate([ticks["price"], ticks["ask"]]), tick)
            lot = _finest(np.concatenate([ticks["qty"], ticks["ask_qty"]]), lot)
        grid.tick_units, grid.tick_scale = step_units(f"1e{tick}", "tick")
        grid.lot_units, grid.lot_scale = step_units(f"1e{min(lot, largest_lot)}", "lot_step")
        grid.min_qty, grid.min_notional = grid.lot_units / grid.lot_scale, min_notional
    tiers = stand_in_tiers(n_symbols)
    return Market(frames.symbols, feed_of(_frames_of(frames), ticks=frames.ticks), frames.interval_ns, grids, tiers)


def _finest(values: Any, otherwise: int) -> int:
    """Return the power of ten of which all known ``values`` are multiples; ``otherwise`` if there is none."""
    import numpy as np

    known = np.unique(values[np.isfinite(values)])
    for decimals in range(MOST_DECIMALS + 1 if len(known) else 0):
        scaled = known * 10.0**decimals
        if np.all(np.abs(scaled - np.round(scaled)) <= 1e-9 * np.maximum(1.0, scaled)):
            return -decimals
    return otherwise


def _refuse_mixed(source: str) -> None:
    """Raise ``ConfigError`` where ticks of several venues lie in one file: their prices are not one market's."""
    from ballast.data.files import CONVENTIONAL, open_source
    from ballast.data.source import venues_in

    _, files = open_source(source, CONVENTIONAL, None)
    named = (group for groups in files for group in groups if "venue" in group.column_names)
    known = sorted({str(name) for group in named for name in venues_in(group)})
    if len(known) > 1:
        raise ConfigError(
            f"--data {source}: holds ticks of {', '.join(known)}; choose one in a configuration with data.venue"
        )
