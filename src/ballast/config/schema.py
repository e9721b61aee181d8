"""
The sections of a configuration file.

Every key is declared here once: type, default, range, unit, meaning and source stand in its annotation, from which
``keys`` reads what validation and ``docs/configuration.md`` say. Keys that default to ``None`` are optional.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from ballast.config.declarations import Section
from ballast.config.declarations import key as _key
from ballast.config.operator_sections import (
    HalalSection,
    LoggingSection,
    NewsSection,
    SupervisorSection,
    TradingSection,
)
from ballast.model.durations import DAY_NS

SCHEMA_VERSION = 1
LARGEST_LEVERAGE = 200.0

_PRICE_UNIT = "quote currency"
_CASCADE = "cascade"
_GRID = "hedge grid"
_BYBIT = "Bybit"


class DataSection(Section, frozen=True, kw_only=True):
    """Which bars the run reads. Exactly one of ``path`` and ``dataset`` says where they are."""

    path: Annotated[
        str | None, _key("Parquet or CSV file of bars. A relative path starts at the configuration file.")
    ] = None
    dataset: Annotated[
        str | None,
        _key('Dataset of the catalog, its venue and market, such as `"mexc/spot"`.', pattern="^[^/]+/[^/]+$"),
    ] = None
    kind: Annotated[
        Literal["bars", "trades", "quotes"] | None,
        _key(
            "What the file of `path` holds; without it, what its columns say. Bars are made of trades and quotes, and "
            "inside a bar the run walks each of them. Spot and `fx_margin` accounts only."
        ),
    ] = None
    symbols: Annotated[tuple[str, ...], _key("Symbols in the order in which ties are decided. Each once.")]
    interval: Annotated[
        str | None,
        _key(
            "Bar length, such as `1m`, `5m`, `1h` or `1d`: the data's own, or a multiple that it is aggregated to. "
            "Without it, the most frequent step between bars.",
            pattern="^[1-9][0-9]*(ms|s|m|h|d|w)$",
        ),
    ] = None
    start: Annotated[datetime | None, _key("First open time of a bar, inclusive.", unit="UTC")] = None
    end: Annotated[datetime | None, _key("Open times end here, exclusive.", unit="UTC")] = None
    venue: Annotated[
        str | None, _key("Read only the rows of this venue, from files of bars and funding that have a `venue` column.")
    ] = None
    market: Annotated[
        Literal["spot", "linear", "fx"],
        _key(
            "Kind of market whose instruments are looked up in `instruments.file`; always `linear` on `unified_margin` "
            "and `fx` on `fx_margin` accounts."
        ),
    ] = "spot"
    mark: Annotated[
        bool,
        _key(
            "Read the mark price's bars, `mark_open` to `mark_close`, beside the price's. Without it, and where they "
            "are missing, the last price stands in. Margin accounts only."
        ),
    ] = False
    funding: Annotated[
        str | None,
        _key(
            "Parquet or CSV file of funding rates (`ts`, `symbol`, `funding_rate` and, if it has several, `venue`), or "
            "`catalog` for those downloaded beside the bars of `dataset`. Without it no funding is paid. Margin "
            "accounts only."
        ),
    ] = None
    columns: Annotated[
        dict[str, str],
        _key('The file\'s column names where they differ from the conventions: `{timestamp = "ts"}`.'),
    ] = msgspec.field(default_factory=dict)

    @property
    def start_ms(self) -> int | None:
        """First open time, milliseconds UTC, inclusive; None leaves it open."""
        return _milliseconds(self.start)

    @property
    def end_ms(self) -> int | None:
        """Open times end here, milliseconds UTC, exclusive; None leaves it open."""
        return _milliseconds(self.end)


class AccountSection(Section, frozen=True, kw_only=True):
    """What the account starts with and what it pays."""

    kind: Annotated[
        Literal["spot", "unified_margin", "fx_margin"],
        _key(
            "How the account pays: `spot` holds what it has bought and borrows nothing; `unified_margin` holds linear "
            "perpetuals, long and short, all of them on one margin; `fx_margin` holds currencies and metals at a "
            "broker."
        ),
    ] = "spot"
    initial_capital: Annotated[float, _key("Cash at the start.", unit=_PRICE_UNIT, gt=0, source=_CASCADE)] = 10_000.0
    currency: Annotated[
        str, _key("Currency of cash, fees and results. If not given, USDT, and USD on `fx_margin` accounts.")
    ] = "USDT"
    mode: Annotated[
        Literal["one_way", "hedge"] | None,
        _key(
            "Margin accounts only: one net position a symbol, `one_way`, or a long and a short one side by side, "
            "`hedge`. `one_way` if not given."
        ),
    ] = None
    leverage: Annotated[
        float | None,
        _key(
            "Margin accounts only: position value over initial margin, for symbols without one of their own in "
            "`[strategy.symbols.SYMBOL]`. At most what the symbol's first risk tier allows. 1 if not given, 30 on "
            "`fx_margin` accounts.",
            unit="times",
            ge=1,
            le=LARGEST_LEVERAGE,
            source=_GRID,
        ),
    ] = None
    margin_model: Annotated[
        Literal["bybit_unified", "textbook"] | None,
        _key(
            "`unified_margin` accounts only: how margin is computed. `bybit_unified` is the exchange's rule with its "
            "fees to close and its offset of hedged legs; `textbook` charges every leg its notional over leverage. "
            "`bybit_unified` if not given.",
            source=_BYBIT,
        ),
    ] = None
    stop_out_level_pct: Annotated[
        float | None,
        _key(
            "`fx_margin` accounts only: equity over used margin at which the broker closes positions, the largest "
            "loser first. 50 if not given.",
            unit="percent",
            gt=0,
            le=100,
        ),
    ] = None
    tiers: Annotated[
        str | None,
        _key(
            "`unified_margin` accounts only: risk tiers of the symbols. Bybit's risk-limit answer or Binance's "
            "leverage brackets in ccxt's form, as `.json` or `.json.gz`, or the built-in `bybit-btcusdt-2026-08`."
        ),
    ] = None
    tiers_stand_in: Annotated[
        str | None,
        _key(
            "`unified_margin` accounts only: a second source of tiers, for symbols that `tiers` lacks. The result "
            "names them."
        ),
    ] = None
    fee_rate: Annotated[
        float | None,
        _key(
            "Maker and taker fee in one. If no rate is given: 0.001 on spot, 0.0002 (maker) and 0.00055 (taker) on "
            "`unified_margin`, 0.000035 on `fx_margin` accounts. Not together with the two below.",
            unit="fraction",
            ge=0,
            lt=1,
        ),
    ] = None
    maker_fee_rate: Annotated[
        float | None, _key("Fee of fills that rested on the book.", unit="fraction", ge=0, lt=1, source=_CASCADE)
    ] = None
    taker_fee_rate: Annotated[
        float | None, _key("Fee of fills that took liquidity.", unit="fraction", ge=0, lt=1, source=_CASCADE)
    ] = None
    positions: Annotated[
        dict[str, float], _key("Spot only: holdings at the start, `{DOGEUSDT = 100.0}`.", unit="base units", ge=0)
    ] = msgspec.field(default_factory=dict)

    @property
    def is_margin(self) -> bool:
        """Whether positions are held on margin."""
        return self.kind != "spot"

    @property
    def is_fx(self) -> bool:
        """Whether it is an account at an FX broker."""
        return self.kind == "fx_margin"


class ExecutionSection(Section, frozen=True, kw_only=True):
    """How orders become fills."""

    slippage_bps: Annotated[
        float,
        _key(
            "How much worse than the price a market order fills. On `fx_margin` accounts 0.5 if not given: about half "
            "the spread of a major pair.",
            unit="bps",
            ge=0,
            lt=10_000,
            source=_CASCADE,
        ),
    ] = 10.0
    max_stale_bars: Annotated[
        int,
        _key(
            "Bars for which a last price stays usable after the bars stop.",
            unit="bars",
            ge=0,
            le=100_000,
            source=_CASCADE,
        ),
    ] = 5
    lot_step: Annotated[
        float, _key("Step of quantities of symbols without one of their own; 0 for none.", unit="base units", ge=0)
    ] = 0.0
    tick_size: Annotated[
        float, _key("Step of prices of symbols without one of their own; 0 for none.", unit=_PRICE_UNIT, ge=0)
    ] = 0.0
    path: Annotated[
        Literal["near_first", "high_first", "low_first"],
        _key("Which extreme of a bar the price visits first; `near_first` is the one nearer to the open."),
    ] = "near_first"
    limit_fill: Annotated[
        Literal["through", "touch"],
        _key("Whether a resting limit order fills when the price goes strictly beyond it or already at a touch."),
    ] = "through"
    volume_participation: Annotated[
        float, _key("Share of a bar's volume that orders may take; 0 for no limit.", unit="fraction", ge=0, le=1)
    ] = 0.0
    queue_ahead_trades: Annotated[
        float,
        _key(
            "On trades and quotes: the size assumed in front of a resting limit order where the data shows none, in "
            "mean trades of its symbol so far. Bars have no queue.",
            unit="trades",
            ge=0,
            le=1_000_000,
        ),
    ] = 10.0
    latency_bars: Annotated[
        int, _key("Bars between decision and arrival. Not together with `latency_ns`.", unit="bars", ge=0, le=1_000)
    ] = 0
    latency_ns: Annotated[
        int, _key("Time between decision and arrival. Not together with `latency_bars`.", unit="ns", ge=0, le=DAY_NS)
    ] = 0
    fill: Annotated[
        Literal["next_open", "same_close"],
        _key(
            "When a market order decided at a close fills. `same_close` is optimistic, because nobody can trade a "
            "price that has just been made; results say so.",
            source=_CASCADE,
        ),
    ] = "next_open"


class InstrumentLimits(Section, frozen=True, kw_only=True):
    """Steps and limits of one symbol; what is left out comes from ``file``, else from ``[execution]``, else is none."""

    tick: Annotated[float | None, _key("Step of prices; 0 for none.", unit=_PRICE_UNIT, ge=0)] = None
    lot_step: Annotated[float | None, _key("Step of quantities; 0 for none.", unit="base units", ge=0)] = None
    min_qty: Annotated[float | None, _key("Smallest quantity of an order.", unit="base units", ge=0)] = None
    min_notional: Annotated[float | None, _key("Smallest notional of an order.", unit=_PRICE_UNIT, ge=0)] = None
    max_qty: Annotated[float | None, _key("Largest quantity of an order.", unit="base units", gt=0)] = None
    contract_size: Annotated[
        float | None,
        _key(
            "`fx_margin` accounts only: what one lot is, 100,000 for currencies, 100 for gold, 5,000 for silver if not "
            "given. `lot_step` and `min_qty` default to a hundredth of it.",
            unit="base units",
            gt=0,
        ),
    ] = None
    quote_currency: Annotated[
        str | None,
        _key(
            "Currency of its prices in three letters, where the name does not tell; `fx_margin` accounts only.",
            pattern="^[A-Za-z]{3}$",
        ),
    ] = None
    conversion_rate: Annotated[
        float | None,
        _key(
            "`fx_margin` accounts only: account currency for one unit of the quote currency, fixed. Without it the "
            "last close of the symbol of the run that joins the two.",
            gt=0,
        ),
    ] = None


class InstrumentsSection(Section, frozen=True, kw_only=True):
    """Steps and limits of the symbols: from a file, from a table for each symbol, or both."""

    file: Annotated[
        str | None,
        _key("Parquet table of instrument properties, or Bybit's instruments-info answer as JSON, also gzipped."),
    ] = None
    venue: Annotated[
        str | None, _key("Venue to look up in a file of several; without it `data.venue`, else that of `data.dataset`.")
    ] = None
    symbols: dict[str, InstrumentLimits] = msgspec.field(default_factory=dict)


class SymbolSettings(Section, frozen=True, kw_only=True):
    """What differs by symbol: leverage, and the keys that the strategy's table names as such."""

    leverage: Annotated[
        float | None,
        _key(
            "Margin accounts only: leverage of this symbol; without it `account.leverage`.",
            unit="times",
            ge=1,
            le=LARGEST_LEVERAGE,
        ),
    ] = None
    settings: Mapping[str, Any] = msgspec.field(default_factory=dict)


class StrategySection(Section, frozen=True, kw_only=True):
    """The strategy and its own keys."""

    name: Annotated[str, _key("A built-in strategy, or the path of a Python file that defines one.")]
    settings: Mapping[str, Any] = msgspec.field(default_factory=dict)
    symbols: dict[str, SymbolSettings] = msgspec.field(default_factory=dict)


class RiskSection(Section, frozen=True, kw_only=True):
    """
    The risk ladder: which limits act, and where they lie.

    Its keys are declared where the ladder is, in ``risk.settings``. ``elastic_trailing`` holds the settings of the
    elastic stop, None without one, and ``polling`` how often it looks; ``of_strategy`` the strategy's own keys.
    """

    settings: Mapping[str, Any] = msgspec.field(default_factory=dict)
    elastic_trailing: Mapping[str, Any] | None = None
    polling: Mapping[str, Any] = msgspec.field(default_factory=dict)
    of_strategy: Mapping[str, Any] = msgspec.field(default_factory=dict)

    @property
    def profile(self) -> str:
        """Which set of defaults the other settings stand over: ``safe``, ``documented`` or ``off``."""
        return str(self.settings["profile"])


class ReportSection(Section, frozen=True, kw_only=True):
    """What the results show beside the figures."""

    title: Annotated[str, _key("Heading of the report; empty for the strategy's name.")] = ""
    benchmarks: Annotated[
        tuple[Literal["equal_weight", "monthly"], ...],
        _key("What the run is compared with: equal weights bought and held, or rebalanced monthly."),
    ] = ("equal_weight", "monthly")
    risk_free_rate: Annotated[
        float, _key("Rate that Sharpe and Sortino subtract.", unit="fraction a year", gt=-1, lt=1, source=_CASCADE)
    ] = 0.0


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """
    A whole configuration, checked, with every default filled in.

    ``directory`` is where relative paths start. It belongs to the machine, not to the run, so that neither
    ``to_dict`` nor ``hash`` knows it. The sections that default to None are absent where the file lacks them.
    """

    schema_version: Annotated[int, _key("Version of this layout; files of older versions keep loading.")]
    data: DataSection
    account: AccountSection
    execution: ExecutionSection
    instruments: InstrumentsSection
    strategy: StrategySection
    risk: RiskSection
    report: ReportSection
    trading: TradingSection | None = None
    news: NewsSection | None = None
    halal: HalalSection | None = None
    supervisor: SupervisorSection | None = None
    logging: LoggingSection | None = None
    directory: Path = Path()

    @property
    def n_symbols(self) -> int:
        """How many symbols are configured."""
        return len(self.data.symbols)

    @property
    def leverages(self) -> tuple[float, ...]:
        """Leverage by symbol, in their order; 1 on accounts without margin."""
        own = self.strategy.symbols
        common = self.account.leverage or 1.0
        return tuple((own[symbol].leverage if symbol in own else None) or common for symbol in self.data.symbols)

    @property
    def symbol_settings(self) -> Mapping[int, Mapping[str, Any]]:
        """The strategy's settings of single symbols, by symbol index."""
        own = self.strategy.symbols
        return {index: own[symbol].settings for index, symbol in enumerate(self.data.symbols) if symbol in own}

    def resolved(self, path: str) -> Path:
        """Return a path of the file as one that opens from here."""
        return self.directory / Path(path).expanduser()

    def to_dict(self) -> dict[str, Any]:
        """
        Return the effective configuration as plain values; ``from_dict`` makes an equal one of it.

        Times are ISO 8601 text in UTC. What is not set is left out.
        """
        plain: dict[str, Any] = msgspec.to_builtins(self, enc_hook=str)
        del plain["directory"]
        plain["instruments"] |= plain["instruments"].pop("symbols")
        by_symbol = plain["strategy"].pop("symbols")
        for table in (*by_symbol.values(), plain["strategy"], plain["risk"]):
            table.update(table.pop("settings"))
        plain["risk"] |= plain["risk"].pop("polling") | plain["risk"].pop("of_strategy")
        if by_symbol:
            plain["strategy"]["symbols"] = by_symbol
        kept: dict[str, Any] = _without_none(plain)
        return kept

    @property
    def hash(self) -> str:
        """SHA-256, hex, of the effective configuration as canonical JSON: sorted keys, shortest numbers."""
        return hashlib.sha256(msgspec.json.encode(self.to_dict(), order="sorted")).hexdigest()


def _milliseconds(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    # Whole seconds and the rest apart: a float of the whole would lose the last digit.
    return int(moment.replace(microsecond=0).timestamp()) * 1000 + moment.microsecond // 1000


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return value
