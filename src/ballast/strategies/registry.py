"""Name to strategy; the list that every conformance test walks. Modules load when they are first asked for."""

from __future__ import annotations

import hashlib
import importlib
import sys
import traceback
from pathlib import Path
from types import ModuleType

from ballast.model.errors import ConfigError, nearest
from ballast.strategies.spec import Strategy, from_module

BUILT_IN = {
    "cascade": "ballast.strategies.cascade",
    "equal_weight": "ballast.strategies.equal_weight",
    "hedge_grid": "ballast.strategies.hedge_grid",
    "range_maker": "ballast.strategies.range_maker",
    "rsi_reversion": "ballast.strategies.rsi_reversion",
    "staged_trend": "ballast.strategies.staged_trend",
    "tight_range": "ballast.strategies.tight_range",
    "target_weights": "ballast.strategies.target_weights",
}


def load(name: str) -> Strategy:
    """
    Return the strategy called ``name``: a built-in one, or the path of a Python file that defines one.

    Raises ``ConfigError`` with the nearest known name, or with what the file lacks.
    """
    if name.endswith(".py"):
        return _from_file(Path(name))
    if name not in BUILT_IN:
        raise ConfigError(f"strategy.name = '{name}': no such strategy{nearest(name, BUILT_IN)}")
    return from_module(importlib.import_module(BUILT_IN[name]), name)


def _from_file(path: Path) -> Strategy:
    if not path.is_file():
        raise ConfigError(f"strategy.name = '{path}': no such file")
    module_name = f"user_strategy_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    module = ModuleType(module_name)
    module.__file__ = str(path)
    # Registered before it runs: otherwise Numba would import, and compile, the file a second time.
    sys.modules[module_name] = module
    try:
        # Compiled from its text each time: byte code on disk knows seconds, and two edits can share one.
        exec(compile(path.read_bytes(), str(path), "exec"), vars(module))  # noqa: S102  # The user's own file.
    except Exception as error:
        del sys.modules[module_name]
        raise ConfigError(f"strategy.name = '{path}': {_fault(path, error)}; correct the file") from error
    return from_module(module, path.stem)


def _fault(path: Path, error: Exception) -> str:
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"line {error.lineno} is not Python ({error.msg})"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    where = f"line {lines[-1]}" if lines else "the file"
    return f"{where} raises {type(error).__name__} ({error})"
