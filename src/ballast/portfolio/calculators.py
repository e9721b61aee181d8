"""What a portfolio's risk is: the question as Protocols, and one answer from closed bars."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import nan
from typing import Protocol

import numpy as np

from ballast.model.errors import ConfigError, DataError
from ballast.portfolio.dispersion import YEAR_NS, annualised_volatility, average_correlation
from ballast.portfolio.drift import Floats
from ballast.portfolio.weights import CASH_ASSETS


class CorrelationSizer(Protocol):
    """Who knows how assets move together."""

    def get_correlation_report(self, weights: Mapping[str, float]) -> Mapping[str, float]:
        """Return at least ``average_correlation``, -1 to 1; NaN where it cannot be computed."""


class WeightCalculator(Protocol):
    """Who knows a portfolio's risk at given weights."""

    @property
    def correlation_sizer(self) -> CorrelationSizer:
        """Who answers for correlation."""

    def get_portfolio_risk_metrics(self, weights: Mapping[str, float]) -> Mapping[str, float]:
        """Return at least ``volatility``, annualised, a fraction; NaN where it cannot be computed."""


class BarRiskCalculator:
    """
    Volatility and correlation from the last closed bars: the built-in ``WeightCalculator``.

    Parameters
    ----------
    closes : mapping of str to sequence of float
        Closes of closed bars by asset, oldest first, all of one length and of the same times. NaN is no bar:
        the price stays where it was.
    interval_ns : int
        Length of a bar; a year has 365 days.
    window_bars : int
        How many closes count; n closes give n - 1 returns.
    cash_assets : collection of str
        Assets that do not move; they need no closes.

    Raises
    ------
    ConfigError
        For an interval or a window that cannot be.
    DataError
        For series of different lengths, or a close that is no price.
    """

    def __init__(
        self,
        closes: Mapping[str, Sequence[float]],
        *,
        interval_ns: int,
        window_bars: int = 60,
        cash_assets: Collection[str] = CASH_ASSETS,
    ) -> None:
        if interval_ns <= 0:
            raise ConfigError(f"interval_ns = {interval_ns}: expected the length of a bar, above 0")
        if window_bars < 3:
            raise ConfigError(f"window_bars = {window_bars}: two returns take at least 3 closes; use 60")
        lengths = {asset: len(series) for asset, series in closes.items()}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{asset} has {length}" for asset, length in lengths.items())
            raise DataError(f"closes are of different lengths ({found}); align them, with NaN where there is no bar")
        self.periods_per_year = YEAR_NS / interval_ns
        self.window_bars = window_bars
        self.cash_assets = frozenset(cash_assets)
        self._returns = {asset: _returns(asset, series, window_bars) for asset, series in closes.items()}

    @property
    def correlation_sizer(self) -> BarRiskCalculator:
        """The calculator itself: one object knows both."""
        return self

    def get_portfolio_risk_metrics(self, weights: Mapping[str, float]) -> dict[str, float]:
        """Return ``volatility`` at these weights, annualised; NaN where a held asset has no full window."""
        held, returns = self._held(weights)
        if not held.size:
            return {"volatility": nan}
        scratch = np.zeros(self.window_bars - 1)
        return {"volatility": annualised_volatility(returns, held, self.periods_per_year, scratch)}

    def get_correlation_report(self, weights: Mapping[str, float]) -> dict[str, float]:
        """Return ``average_correlation`` of the assets held, each pair counted once; NaN without any pair."""
        held, returns = self._held(weights)
        return {"average_correlation": average_correlation(returns, held)}

    def _held(self, weights: Mapping[str, float]) -> tuple[Floats, Floats]:
        """Return the weights of what is held besides cash, and its returns; NaN for assets without closes."""
        held = {asset: weight for asset, weight in weights.items() if weight > 0 and asset not in self.cash_assets}
        unknown = np.full(self.window_bars - 1, nan)
        returns = np.array([self._returns.get(asset, unknown) for asset in held])
        return np.array(list(held.values()), dtype=np.float64), returns.reshape(len(held), self.window_bars - 1)


def _returns(asset: str, closes: Sequence[float], window_bars: int) -> Floats:
    """Return the last ``window_bars - 1`` simple returns; NaN where the window reaches back before the first close."""
    values = np.asarray(closes, dtype=np.float64)
    bad = np.flatnonzero(~np.isnan(values) & ~(np.isfinite(values) & (values > 0.0)))
    if bad.size:
        raise DataError(
            f"close {bad[0]} of {asset} = {values[bad[0]]}: expected a finite price above 0, or NaN for no bar"
        )
    seen = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(len(values))))
    filled = np.where(seen >= 0, values[seen], nan)
    padded = np.concatenate([np.full(window_bars, nan), filled])[-window_bars:]
    return padded[1:] / padded[:-1] - 1.0
