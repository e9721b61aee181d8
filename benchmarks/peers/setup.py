"""
Install the peers, each in a virtual environment of its own, from PyPI at pinned versions.

    python benchmarks/peers/setup.py [vectorbt hftbacktest nautilus bt]

They live in ``$BALLAST_BENCH/venvs`` (default ``~/.cache/ballast-bench``) and are never imported by Ballast. A peer
that is there already costs nothing. About 2 GB and five minutes for all of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HOME = Path(os.environ.get("BALLAST_BENCH", Path.home() / ".cache" / "ballast-bench"))
# TA-Lib gives the peers without an RSI of Wilder's the fastest one that there is.
TALIB = "TA-Lib==0.8.2"
PEERS = {
    "vectorbt": ("vectorbt[rust]==1.2.0", TALIB),
    "hftbacktest": ("hftbacktest==2.4.4", TALIB),
    "nautilus": ("nautilus_trader==1.221.0",),
    "bt": ("bt==1.4.1",),
}


def python_of(peer: str) -> Path:
    """Return the interpreter of a peer's environment, whether it exists or not."""
    return HOME / "venvs" / peer / "bin" / "python"


def is_installed(peer: str) -> bool:
    """Tell whether a peer was installed with today's pins."""
    mark = HOME / "venvs" / peer / "installed.txt"
    return mark.is_file() and mark.read_text(encoding="utf-8").split() == list(PEERS[peer])


def install(peer: str) -> None:
    """Make a peer's environment, unless it is there."""
    if is_installed(peer):
        return
    directory = HOME / "venvs" / peer
    print(f"Installing {peer} into {directory}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(directory)], check=True)
    pip = [str(python_of(peer)), "-m", "pip", "--disable-pip-version-check", "-qq", "install", "--prefer-binary"]
    subprocess.run([*pip, *PEERS[peer]], check=True)
    (directory / "installed.txt").write_text("\n".join(PEERS[peer]), encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:] or PEERS:
        install(name)
