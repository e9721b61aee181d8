"""The judges once more where no network is: a namespace that has loopback alone, and in which every name means it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.judges.exchanges import judge_python

NAMES = ("api.bybit.com", "stream.bybit.com", "api-testnet.bybit.com", "api.mexc.com", "wbs-api.mexc.com", "pypi.org")
ENTER = ["unshare", "--map-root-user", "--net", "--mount"]
PREPARED = 'mount --bind "$HOSTS" /etc/hosts && ip link set lo up && exec "$@"'
NOBODY_OUTSIDE = """
import socket
assert {name for _, name in socket.if_nameindex()} == {"lo"}
for name in %r:
    assert socket.gethostbyname(name) == "127.0.0.1", name
try:
    socket.create_connection(("1.1.1.1", 443), 1.0)
except OSError:
    pass
else:
    raise SystemExit("something outside answers")
"""


def inside(hosts: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the namespace."""
    return subprocess.run(
        [*ENTER, "sh", "-c", PREPARED, "sh", *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env=os.environ | {"HOSTS": str(hosts)},
        cwd=ROOT,
    )


@pytest.mark.verify
def test_nothing_that_the_judges_or_the_exchange_do_needs_the_world_outside(tmp_path: Path) -> None:
    judge_python()
    hosts = tmp_path / "hosts"
    hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in ("localhost", *NAMES)))
    if inside(hosts, "true").returncode != 0:
        pytest.skip("this machine lets nobody make a network namespace (unshare --map-root-user --net --mount)")
    alone = inside(hosts, sys.executable, "-c", NOBODY_OUTSIDE % (NAMES,))
    assert alone.returncode == 0, alone.stderr
    suite = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not verify", "tests/judges"]
    done = inside(hosts, *suite)
    assert done.returncode == 0, done.stdout[-3_000:]
    assert "skipped" not in done.stdout.splitlines()[-1], done.stdout
