"""Runs on accounts at an FX broker: what is asked at which close is written down, everything else is the engine's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ballast.backtest.session import Session
from ballast.backtest.setup import Setup, setup_from_config
from ballast.config import Config, from_dict
from ballast.config.fx import fx_assumptions, fx_tiers
from ballast.data.contracts import NO_CONTRACTS, Contracts
from ballast.model.enums import Cause, QtyUnit, Side
from ballast.model.intents import place_limit, place_market
from tests.conformance.markets import MINUTE_NS, Market, Quote, lay_out

Bars = Mapping[str, Sequence[Quote]]
Wish = tuple[int, Side, float] | tuple[int, Side, float, float]
"""Symbol index, side and base units of a market order; a fourth entry is the price of a limit order."""


@dataclass(frozen=True)
class FxMarket(Market):
    """Bars, and what a broker's terms come to."""

    marks: Any = None
    news: Any = None
    ticks: Any = None
    contracts: Contracts = NO_CONTRACTS


def fx_config(symbols: Sequence[str], **sections: Any) -> Config:
    """Return the configuration of an FX account without costs, of 10,000 USD unless said."""
    account = {"kind": "fx_margin", "initial_capital": 10_000.0, "fee_rate": 0.0} | sections.pop("account", {})
    valid = {
        "data": {"path": "bars.parquet", "symbols": list(symbols)},
        "account": account,
        "execution": {"slippage_bps": 0.0},
        "strategy": {"name": "equal_weight"},
        "risk": {"profile": "off"},
        "report": {"benchmarks": []},
    }
    return from_dict(valid | sections)


def fx_setup(bars: Bars, plan: Mapping[int, Sequence[Wish]], **sections: Any) -> Setup:
    """Return a run that asks for ``plan[n]`` at the close of frame n."""
    config = fx_config(tuple(bars), **sections)
    market = lay_out(bars, interval_ns=MINUTE_NS)
    no_funding, tiers = NO_CONTRACTS.funding, fx_tiers(config)
    contracts = Contracts(no_funding, tiers, "", tuple(fx_assumptions(config)))
    setup = setup_from_config(config, FxMarket(market.records, market.symbols, MINUTE_NS, contracts=contracts))

    def decide(row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
        n = 0
        for wish in plan.get(int(view.frame), ()) if view.cause == Cause.BAR else ():
            if len(wish) == 4:
                n = place_limit(intents, n, *wish, 0)
            else:
                n = place_market(intents, n, *wish, QtyUnit.BASE, 0)
        return n

    return replace(setup, strategy=replace(setup.strategy, decide=decide, is_compiled=False))


def fx_run(bars: Bars, plan: Mapping[int, Sequence[Wish]], **sections: Any) -> Session:
    """Return the finished session of ``fx_setup``."""
    session = Session(fx_setup(bars, plan, **sections))
    session.run()
    return session
