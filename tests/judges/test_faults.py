"""Unmodified clients see each fault for what it is, come back by themselves, and the kernel's truth stays the truth."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from ballast.venues.exchange.faults.kinds import KINDS
from tests.judges.exchanges import judge_python, judged, running


def told(ready: dict[str, Any], venue: str = "bybit") -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{ready['operator_url']}/faults?venue={venue}") as answer:
        return list(json.load(answer)["faults"])


OVER_REST = {
    *("answer_lost", "answer_late", "http_error", "server_timeout", "rate_limited", "maintenance", "clock_skew"),
    *("stale_read", "partial_fill", "filters_changed", "liquidation", "symbol_delisted"),
}


def test_every_fault_there_is_is_seen_by_a_real_client(tmp_path: Path) -> None:
    judge_python()
    with running("--clock", "step", "--no-rate-limits", "--venue", "bybit,mexc") as ready:
        heard, watched, asked = (
            judged(judge, ready, tmp_path, n_actions=0, seed=0)["seen"]
            for judge in ("push_judge.py", "reconnect_judge.py", "fault_judge.py")
        )
    as_heard(heard)
    as_watched(watched)
    assert set(asked) >= OVER_REST
    assert {name.partition(" ")[0].rstrip(",") for name in (*heard, *watched)} | OVER_REST == set(KINDS)


def as_heard(seen: dict[str, Any]) -> None:
    """Hold what pybit heard of messages against what the faults do to them."""
    order = ["order", "order", "execution", "wallet"]
    assert seen["push_dropped"] == {"topics": ["order", "order", "wallet"], "by_rest": 1}
    assert seen["push_duplicated"] == {"ids": 2, "different": 1, "told": 2_000.0, "held": 1_000.0}
    # Filled is told after its execution.
    topics = ["order", "execution", "order", "wallet"]
    assert seen["push_reordered"] == {"topics": topics, "states": ["New", "Filled"]}
    assert seen["push_late"]["topics"] == ["order", "order", "wallet"]
    assert seen["push_late"]["late_ms"] > 200.0
    for name in ("socket_closed politely", "socket_closed abruptly", "socket_silent"):
        lost = {"missed": ["order", "order"], "topics": order, "same_position": True, "same_wallet": True}
        assert seen[name] == lost


def as_watched(seen: dict[str, Any]) -> None:
    """Hold what ccxt.pro was told of lost sockets against what was done to them; its views it has judged itself."""
    assert all(one["struck"] > 0 for name, one in seen.items() if name != "maintenance")
    for name, one in seen.items():
        # A socket that says nothing is given up, one that is closed is noticed at once. Whether a key that has ended is
        # noticed by its socket or by its renewal is a race.
        errors = {"RequestTimeout"} if name.startswith("socket_silent") else {"NetworkError"}
        assert errors <= set(one["errors"]) or (name == "listen_key_expired" and one["errors"])


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
