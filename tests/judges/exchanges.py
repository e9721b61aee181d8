"""A local exchange in a process of its own, and judges in an environment of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.sources import ROOT

COMMAND = "from ballast.cli.main import main; main()"
JUDGES = ROOT / ".venv-judges" / "bin" / "python"


def judge_python() -> str:
    """Return the interpreter that has the third-party clients, or skip the test."""
    python = Path(os.environ.get("BALLAST_JUDGES") or JUDGES)
    if not python.exists():
        pytest.skip("the third-party clients are not installed: run 'make judges', or set BALLAST_JUDGES to a Python")
    return str(python)


@contextmanager
def running(*arguments: str) -> Iterator[dict[str, Any]]:
    """Start ``ballast exchange`` and give its first line; it must stop cleanly when told to."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "exchange", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert first, process.communicate()[1]
        yield json.loads(first)
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


def judged(script: str, ready: dict[str, Any], directory: Path, n_actions: int, seed: int) -> dict[str, Any]:
    """Let a judge act ``n_actions`` times; return its summary. It fails where its view and the kernel's differ."""
    path = directory / "ready.json"
    path.write_text(json.dumps(ready))
    done = subprocess.run(
        [judge_python(), str(ROOT / "tests" / "judges" / script), str(path), str(n_actions), str(seed)],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))
