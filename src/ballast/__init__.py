"""Ballast keeps a volatile account upright: one engine for backtest, paper and live trading."""

__version__ = "0.1.0"

_HOMES = {
    "BacktestEngine": "ballast.notebook",
    "PortfolioRebalancer": "ballast.portfolio.rebalancer",
    "RebalanceConfig": "ballast.notebook",
    "RebalanceTrigger": "ballast.portfolio.triggers",
    "backtest_file": "ballast.notebook",
    "run": "ballast.notebook",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604  # All are text.


def __getattr__(name: str) -> object:
    """Load one of the names above when it is first used: most need Numba, the package does not."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ballast' has no attribute '{name}'")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted({*globals(), *_HOMES})
