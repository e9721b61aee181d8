"""
NautilusTrader on W2: ``run_nautilus.py w2 N_BARS REPETITIONS``.

Each bar comes as a quote, bid and ask both at the open, at its open time, and as a bar at its close: ten of each a
minute. The strategy decides when the last asset's bar has closed and sends its market orders when the last quote of
the next minute has come. Logging, risk engine and analysis are off. Building the data is not timed.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

import nautilus_trader
import numpy as np
import pandas as pd
import reference
from markets import MINUTE_NS, market
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import BarType, QuoteTick
from nautilus_trader.model.enums import AccountType, CurrencyType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Currency, Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy
from timing import cpu_s, report

VENUE = Venue("SIM")
DECIMALS = 8  # of quantities


def instrument_of(asset: int) -> CurrencyPair:
    """Return a spot pair with the market's tick and a fine lot."""
    name = f"A{asset}X"
    return CurrencyPair(
        instrument_id=InstrumentId(Symbol(f"{name}USDT"), VENUE),
        raw_symbol=Symbol(f"{name}USDT"),
        base_currency=Currency(name, DECIMALS, 0, name, CurrencyType.CRYPTO),
        quote_currency=USDT,
        price_precision=4,
        size_precision=DECIMALS,
        price_increment=Price(1e-4, 4),
        size_increment=Quantity(10.0**-DECIMALS, DECIMALS),
        maker_fee=Decimal(str(reference.FEE_RATE)),
        taker_fee=Decimal(str(reference.FEE_RATE)),
        ts_event=0,
        ts_init=0,
    )


class Cascade(Strategy):
    """The reference's decision as a Nautilus strategy."""

    def __init__(self, instruments: list[CurrencyPair], bar_types: list[BarType]) -> None:
        super().__init__()
        self.instruments, self.bar_types = instruments, bar_types
        self.asset_of = {bar_type: k for k, bar_type in enumerate(bar_types)}
        n = len(instruments)
        self.close, self.held, self.order, self.ready = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n, np.int64)
        self.bar, self.seen, self.is_due, self.fills = 0, 0, False, 0

    def on_start(self) -> None:
        """Subscribe to everything."""
        for bar_type, instrument in zip(self.bar_types, self.instruments, strict=True):
            self.subscribe_bars(bar_type)
            self.subscribe_quote_ticks(instrument.id)

    def on_bar(self, bar: Any) -> None:
        """Collect a minute's closes; decide at the last."""
        self.close[self.asset_of[bar.bar_type]] = bar.close.as_double()
        self.seen += 1
        if self.seen == len(self.instruments):
            cash = self.portfolio.account(VENUE).balance_free(USDT).as_double()
            self.is_due = reference.w2_orders(self.bar, self.close, self.held, cash, self.ready, self.order)
            self.bar += 1
            self.seen = 0

    def on_quote_tick(self, quote: QuoteTick) -> None:
        """Send what is due once every asset has opened: sells first."""
        if not self.is_due or quote.instrument_id != self.instruments[-1].id:
            return
        self.is_due = False
        for side, sign in ((OrderSide.SELL, -1.0), (OrderSide.BUY, 1.0)):
            for qty, instrument in zip(self.order, self.instruments, strict=True):
                if qty * sign > 0.0:
                    whole = int(abs(qty) * 10**DECIMALS) / 10**DECIMALS
                    self.submit_order(self.order_factory.market(instrument.id, side, Quantity(whole, DECIMALS)))

    def on_order_filled(self, event: Any) -> None:
        """Keep the positions."""
        asset = next(k for k, instrument in enumerate(self.instruments) if instrument.id == event.instrument_id)
        self.held[asset] += event.last_qty.as_double() * (1.0 if event.order_side == OrderSide.BUY else -1.0)
        self.fills += 1


def data_of(instrument: CurrencyPair, bar_type: BarType, bars: Any, asset: int) -> tuple[list[Any], list[Any]]:
    """Return an asset's quotes and bars."""
    size = Quantity(1e9, DECIMALS)
    opens = [Price(price, 4) for price in bars.open[:, asset].tolist()]
    quotes = [
        QuoteTick(instrument.id, price, price, size, size, ts, ts)
        for price, ts in zip(opens, bars.ts_ns.tolist(), strict=True)
    ]
    columns = {name: getattr(bars, name)[:, asset] for name in ("open", "high", "low", "close")}
    index = pd.to_datetime(bars.ts_ns + MINUTE_NS - 1, utc=True)
    table = pd.DataFrame({**columns, "volume": 1e9}, index=index)
    return quotes, BarDataWrangler(bar_type, instrument).process(table)


def main(n_bars: int, repetitions: int) -> None:
    """Time the workload and print the result."""
    bars = market("w2", n_bars)
    instruments = [instrument_of(k) for k in range(bars.close.shape[1])]
    bar_types = [BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL") for instrument in instruments]
    data = [part for k, instrument in enumerate(instruments) for part in data_of(instrument, bar_types[k], bars, k)]

    def run() -> dict[str, Any]:
        engine = BacktestEngine(
            BacktestEngineConfig(
                logging=LoggingConfig(bypass_logging=True),
                risk_engine=RiskEngineConfig(bypass=True),
                run_analysis=False,
            )
        )
        engine.add_venue(
            VENUE, OmsType.NETTING, AccountType.CASH, [Money(reference.W2_CASH, USDT)], bar_execution=False
        )
        for instrument in instruments:
            engine.add_instrument(instrument)
        for k, part in enumerate(data):
            engine.add_data(part, sort=k == len(data) - 1)
        strategy = Cascade(instruments, bar_types)
        engine.add_strategy(strategy)
        started = cpu_s()
        engine.run()
        seconds = cpu_s() - started
        cash = engine.portfolio.account(VENUE).balance_total(USDT).as_double()
        engine.dispose()
        return {"equity": cash + float(strategy.held @ bars.close[-1]), "fills": strategy.fills, "cpu_s": seconds}

    report("NautilusTrader", nautilus_trader.__version__, n_bars, run, repetitions)


if __name__ == "__main__":
    main(int(sys.argv[2]), int(sys.argv[3]))
