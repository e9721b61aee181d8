"""How much a window of returns scatters, alone and together."""

from __future__ import annotations

from math import nan, sqrt

from ballast.model.compiled import compiled
from ballast.portfolio.drift import Floats

YEAR_NS = 31_536_000_000_000_000
"""365 days: markets that never close."""

FLAT = 1e-24
"""A variance of returns up to this is rounding, not movement."""


@compiled
def covariance(first: Floats, second: Floats, n: int) -> float:
    """Return the sample covariance (n - 1) of the first ``n`` values; NaN below two, or where one is NaN."""
    if n < 2:
        return nan
    mean_1 = 0.0
    mean_2 = 0.0
    for k in range(n):
        mean_1 += first[k] / n
        mean_2 += second[k] / n
    products = 0.0
    for k in range(n):
        products += (first[k] - mean_1) * (second[k] - mean_2)
    return products / (n - 1)


@compiled
def correlation(first: Floats, second: Floats, n: int) -> float:
    """Return Pearson's correlation of the first ``n`` values; NaN where one is NaN or either series is flat."""
    variance_1 = covariance(first, first, n)
    variance_2 = covariance(second, second, n)
    if variance_1 <= FLAT or variance_2 <= FLAT:
        return nan
    return covariance(first, second, n) / (sqrt(variance_1) * sqrt(variance_2))


@compiled
def annualised_volatility(returns: Floats, weights: Floats, periods_per_year: float, portfolio: Floats) -> float:
    """
    Return the volatility a year of a portfolio held at constant weights; a fraction.

    ``returns`` is (n_assets, n_returns); ``portfolio``, (n_returns,), receives the portfolio's own. What the
    weights leave below 1 is cash, which does not move. NaN where an asset that is held lacks a return.
    """
    for k in range(portfolio.shape[0]):
        portfolio[k] = 0.0
        for asset in range(weights.shape[0]):
            if weights[asset] != 0.0:
                portfolio[k] += weights[asset] * returns[asset, k]
    return sqrt(covariance(portfolio, portfolio, portfolio.shape[0]) * periods_per_year)


@compiled
def average_correlation(returns: Floats, weights: Floats) -> float:
    """Return the plain mean over all pairs of held assets whose correlation can be computed; NaN without any."""
    total = 0.0
    n_pairs = 0
    for first in range(weights.shape[0]):
        for second in range(first + 1, weights.shape[0]):
            if weights[first] != 0.0 and weights[second] != 0.0:
                rho = correlation(returns[first], returns[second], returns.shape[1])
                if rho == rho:
                    total += rho
                    n_pairs += 1
    return total / n_pairs if n_pairs > 0 else nan
