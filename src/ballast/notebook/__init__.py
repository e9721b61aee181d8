"""
Ballast in a few lines of Python, for notebooks and scripts.

Knows how plain arguments become a configuration, and how names, files and tables become bars. Promises the result,
the checks and the errors of the command line for the same settings and data. Refuses to compute anything itself.
"""

from ballast.notebook.engine import BacktestEngine
from ballast.notebook.rebalance import RebalanceConfig
from ballast.notebook.runs import backtest_file, run

__all__ = ["BacktestEngine", "RebalanceConfig", "backtest_file", "run"]
