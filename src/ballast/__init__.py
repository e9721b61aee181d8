"""Ballast keeps a volatile account upright: one engine for backtest, paper and live trading."""

__version__ = "0.1.0"
