from ballast.notebook import BacktestEngine, RebalanceConfig, backtest_file, run
from ballast.portfolio.rebalancer import PortfolioRebalancer
from ballast.portfolio.triggers import RebalanceTrigger

__version__: str

__all__ = [
    "BacktestEngine",
    "PortfolioRebalancer",
    "RebalanceConfig",
    "RebalanceTrigger",
    "__version__",
    "backtest_file",
    "run",
]
