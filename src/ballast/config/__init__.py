"""
The configuration: one TOML file that says data, account, execution, strategy, risk and report.

Knows every key, its unit, its default and its range, declared once. Promises frozen structures, one clear line for
every problem, and the same hash for the same settings however they are written. Refuses unknown keys.
"""

from ballast.config.load import from_dict, load, params_of, strategy_of, varied
from ballast.config.schema import Config

__all__ = ["Config", "from_dict", "load", "params_of", "strategy_of", "varied"]
