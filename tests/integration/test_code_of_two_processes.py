"""Machine code that two processes have compiled does not get mixed up in a third."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

from tests.architecture.sources import ROOT

STRATEGY = '''
from ballast.model.compiled import compiled
from ballast.model.enums import Cause, QtyUnit, Side
from ballast.model.intents import place_market
from ballast.model.records import parameter, record


@record
class Params:
    unused: int = parameter(0, "Nothing.")


@record
class State:
    unused: int


@compiled
def decide(row, view, state, params, intents):
    """{marker}"""
    if view.cause == Cause.BAR and view.frame == {frame}:
        return place_market(intents, 0, 0, Side.BUY, 100.0, QtyUnit.QUOTE, 1)
    return 0
'''
RUN = """
import json, sys
from tests.conformance.markets import lay_out
from ballast.backtest.session import Session
from ballast.backtest.setup import Setup
from ballast.strategies import registry

found = []
for path in sys.argv[1:]:
    strategy = registry.load(path)
    session = Session(Setup(frames=lay_out({"A": [2.0] * 12}), strategy=strategy, params=strategy.params({}, 1)))
    session.run()
    found.append(session.engine.fills["time_ns"][: session.engine.log.n_fills].tolist())
print(json.dumps(found))
"""


def fills_of(*strategies: Path) -> list[list[int]]:
    done = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, strategies)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[list[int]] = json.loads(done.stdout)
    return found


def test_strategies_compiled_apart_stay_apart_when_loaded_together(tmp_path: Path) -> None:
    """Each process compiles its own strategy as its n-th function; a third loads both from the cache."""
    files = []
    for number, frame in enumerate((3, 7)):
        file = tmp_path / f"strategy_{number}.py"
        file.write_text(STRATEGY.format(marker=uuid.uuid4(), frame=frame))
        files.append(file)

    alone = [fills_of(file)[0] for file in files]

    assert alone[0] != alone[1]
    assert fills_of(*files) == alone
