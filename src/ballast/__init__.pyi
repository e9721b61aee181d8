from ballast.notebook import BacktestEngine, RebalanceConfig, backtest_file, run

__version__: str

__all__ = ["BacktestEngine", "RebalanceConfig", "__version__", "backtest_file", "run"]
