"""An unmodified ccxt sees each fault over REST for what it is, and the kernel's truth stays the truth."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from tests.judges.exchanges import judge_python, judged, running


def told(ready: dict[str, Any], venue: str = "bybit") -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{ready['operator_url']}/faults?venue={venue}") as answer:
        return list(json.load(answer)["faults"])


def test_every_fault_over_rest_is_seen_by_ccxt(tmp_path: Path) -> None:
    judge_python()
    with running("--clock", "step", "--no-rate-limits") as ready:
        seen = judged("fault_judge.py", ready, tmp_path, n_actions=0, seed=0)["seen"]
    assert set(seen) >= {
        *("answer_lost", "answer_late", "http_error", "server_timeout", "rate_limited", "maintenance", "clock_skew"),
        *("stale_read", "partial_fill", "filters_changed", "liquidation", "symbol_delisted"),
    }


def test_faults_come_from_a_file_too_and_a_bad_day_from_the_seed(tmp_path: Path) -> None:
    script = tmp_path / "faults.toml"
    script.write_text('[[faults]]\nkind = "clock_skew"\noffset_ms = 5000\n')
    for source, kinds in ((str(script), {"clock_skew"}), ("random", {"answer_lost", "socket_closed"})):
        with running("--clock", "step", "--faults", source) as ready:
            assert kinds <= {fault["kind"] for fault in told(ready)}


def test_of_two_venues_each_gets_the_faults_that_it_can_show(tmp_path: Path) -> None:
    script = tmp_path / "faults.json"
    kinds = ("clock_skew", "liquidation", "listen_key_expired")
    faults = [{"kind": kind, "offset_ms" if kind == "clock_skew" else "account": 1} for kind in kinds]
    script.write_text(json.dumps({"faults": faults}))
    with running("--venue", "bybit,mexc", "--clock", "step", "--faults", str(script)) as ready:
        assert [fault["kind"] for fault in told(ready)] == ["clock_skew", "liquidation"]
        assert [fault["kind"] for fault in told(ready, "mexc")] == ["clock_skew", "listen_key_expired"]
