"""The front door: every target explains itself, and set-up says what is missing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.architecture.sources import ROOT


def set_up(directory: Path, python: str) -> subprocess.CompletedProcess[str]:
    """Run ``make setup`` in a directory that holds nothing but what it reads."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, directory)
    return subprocess.run(
        ["make", "setup", f"PYTHON={python}"], cwd=directory, capture_output=True, text=True, check=False
    )


def test_every_make_target_explains_itself() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"setup", "demo", "test", "verify", "check", "bench", "docs", "lock"} <= set(
        re.findall(r"^  make ([a-z0-9-]+) +\S", done.stdout, re.MULTILINE)
    )


def test_a_python_without_venv_is_told_what_to_install(tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\ncase "$2" in *venv*) exit 1;; esac\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    done = set_up(tmp_path, str(python))
    assert done.returncode == 2
    assert "apt-get install python3-venv" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_a_python_that_is_missing_or_too_old_is_named(tmp_path: Path) -> None:
    done = set_up(tmp_path, "no-such-python")
    assert done.returncode == 2
    assert "no-such-python is missing or older than Python 3.11" in done.stderr
    assert not (tmp_path / ".venv").exists()
