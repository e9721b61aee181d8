"""Ballast keeps a volatile account upright: one engine for backtest, paper and live trading."""

__version__ = "0.1.0"

_NOTEBOOK = ("BacktestEngine", "RebalanceConfig", "backtest_file", "run")

__all__ = ["__version__", *_NOTEBOOK]  # noqa: PLE0604  # All are text.


def __getattr__(name: str) -> object:
    """Load the Python interface when one of its names is first used: it needs Numba, the package does not."""
    if name not in _NOTEBOOK:
        raise AttributeError(f"module 'ballast' has no attribute '{name}'")
    import importlib

    value = getattr(importlib.import_module("ballast.notebook"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted({*globals(), *_NOTEBOOK})
