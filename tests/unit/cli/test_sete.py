"""``ballast sete``: the documented table, the closed loop, every setting, and errors that teach."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest

from ballast.cli.main import run
from ballast.cli.sete import sete, written
from ballast.orders.elastic_settings import ElasticSettings

DOCUMENTED = "0.56,0.34,0.88,0.64,1.10"
# What only matters where prices are.
OF_PLACEMENT = {"lowest_lock_usd", "max_missed_moves"}


def shown(capsys: pytest.CaptureFixture[str], *words: str, profits: str = DOCUMENTED) -> str:
    assert run(["sete", "--profits", profits, *words]) == 0
    return capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str], *words: str, profits: str = DOCUMENTED) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(shown(capsys, "--json", *words, profits=profits))
    return made


def locks(made: dict[str, Any]) -> list[float | None]:
    return [sample["lock"] for sample in made["samples"]]


def rows(text: str) -> list[list[str]]:
    """Return the cells of a table's body."""
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if line.startswith("│")]


def test_the_table_of_the_documented_sequence(capsys: pytest.CaptureFixture[str]) -> None:
    """D23."""
    assert rows(shown(capsys, "--mode", "literal")) == [
        ["0.56", "0.56", "0.40", "0.336", "yes", "0.46", "0.46", "move"],
        ["0.34", "0.56", "0.20", "0.336", "no", "0.336", "0.46", "held"],
        ["0.88", "0.88", "0.70", "0.528", "yes", "0.78", "0.78", "move"],
        ["0.64", "0.88", "0.50", "0.528", "no", "0.528", "0.78", "held"],
        ["1.10", "1.10", "1.00", "0.66", "yes", "0.80", "0.80", "move"],
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], [0.336, 0.336, 0.528, 0.528, 0.80]),
        (["--mode", "literal"], [0.46, 0.46, 0.78, 0.78, 0.80]),
        (["--mode", "literal", "--baseline", "first"], [0.40, 0.40, 0.78, 0.78, 0.80]),
        (["--mode", "original"], [0.42, 0.42, 0.70, 0.70, 0.80]),
        (["--disabled"], [0.42, 0.42, 0.70, 0.70, 1.00]),
    ],
)
def test_every_variant(capsys: pytest.CaptureFixture[str], words: list[str], expected: list[float]) -> None:
    assert locks(document(capsys, *words)) == expected


@pytest.mark.parametrize(
    ("words", "fill"),
    [
        ([], None),
        (["--mode", "literal"], {"sample": 2, "profit": 0.34, "locked": 0.46}),
        (["--mode", "original"], {"sample": 2, "profit": 0.34, "locked": 0.42}),
        (["--mode", "literal", "--baseline", "first"], {"sample": 2, "profit": 0.34, "locked": 0.40}),
    ],
)
def test_in_a_closed_loop_the_stop_fills(
    capsys: pytest.CaptureFixture[str], words: list[str], fill: dict[str, float] | None
) -> None:
    made = document(capsys, "--closed-loop", *words)
    assert made["exit"] == fill
    assert len(made["samples"]) == (5 if fill is None else 1)
    assert document(capsys, *words)["exit"] is None


def test_the_closed_loop_says_how_it_ended(capsys: pytest.CaptureFixture[str]) -> None:
    words = " ".join(shown(capsys, "--closed-loop", "--mode", "literal").split())
    assert "Stopped out at sample 2: a profit of 0.34 is at or below the lock, 0.46" in words
    assert "Still open after 5 samples, the stop at 0.80." in shown(capsys, "--closed-loop")
    assert "Still open after 1 samples, no stop." in shown(capsys, "--closed-loop", profits="0.05")


def test_a_profit_exactly_at_the_lock_fills_the_stop(capsys: pytest.CaptureFixture[str]) -> None:
    assert document(capsys, "--closed-loop", profits="0.50,0.30")["exit"] == {"sample": 2, "profit": 0.3, "locked": 0.3}


def test_losses_and_profits_without_a_lock_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    table = rows(shown(capsys, profits="-0.05,0.08,0.10"))
    assert [row[6:] for row in table] == [["none", "below first step"], ["none", "below first step"], ["0.06", "move"]]


@pytest.mark.parametrize(
    ("words", "lock"),
    [
        ([], 0.8),
        (["--pullback-tolerance-pct", "0.1"], 0.9),
        (["--max-peak-lock-usd", "0.7"], 0.7),
        (["--max-peak-threshold-usd", "1.2"], 0.65),
        (["--big-jump-threshold-usd", "0.45", "--max-peak-threshold-usd", "1.2"], 0.6),
        (["--big-jump-lock-margin-usd", "0.2", "--max-peak-threshold-usd", "1.2"], 0.75),
        (["--min-lock-increment-usd", "1.5"], None),
        (["--min-lock-move-usd", "0.6"], 0.33),
        (["--jump-window-seconds", "2", "--max-peak-threshold-usd", "1.2"], 0.6),
        (["--every", "3.5", "--max-peak-threshold-usd", "1.2"], 0.6),
    ],
)
def test_every_setting_moves_the_lock(capsys: pytest.CaptureFixture[str], words: list[str], lock: float | None) -> None:
    assert locks(document(capsys, *words, profits="0.55,1.0"))[-1] == lock


def test_the_baseline_is_a_profit_that_was_seen(capsys: pytest.CaptureFixture[str]) -> None:
    (sample,) = document(capsys, "--baseline", "0.9", profits="0.5")["samples"]
    assert (sample["peak"], sample["target"], sample["lock"], sample["verdict"]) == (0.9, 0.54, None, "through_market")


def test_the_cap_mode(capsys: pytest.CaptureFixture[str]) -> None:
    assert locks(document(capsys, profits="0.9,2.0"))[-1] == 1.2
    assert locks(document(capsys, "--max-peak-lock-mode", "cap", profits="0.9,2.0"))[-1] == 0.8


def test_every_setting_has_an_option_with_its_default() -> None:
    options = {key: value.default for key, value in inspect.signature(sete).parameters.items()}
    options["enabled"] = not options.pop("disabled")
    options["max_peak_lock_mode"] = options["max_peak_lock_mode"] or "then_elastic"
    declared = ElasticSettings.parameters  # type: ignore[attr-defined]
    for key in declared.keys() - OF_PLACEMENT:
        choices = declared[key].choices
        expected = declared[key].default if choices is None else choices(declared[key].default).name.lower()
        assert options[key] == expected, key


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--mode", "litteral"], "--mode = 'litteral': expected one of reconciled, literal, original; did you mean"),
        (
            ["--pullback-tolerance-pct", "40"],
            "--pullback-tolerance-pct = 40.0: expected a number at least 0 and at most 1",
        ),
        (["--min-lock-increment-usd", "0"], "--min-lock-increment-usd = 0.0: expected a number at least 1e-08"),
        (
            ["--max-peak-lock-usd", "2"],
            "--max-peak-lock-usd = 2: cannot be locked at a peak of 1; use at most --max-peak-",
        ),
        (
            ["--big-jump-lock-margin-usd", "0.5"],
            "--big-jump-lock-margin-usd = 0.5: a jump of 0.4 does not bring so much",
        ),
        (["--every", "0"], "--every 0: expected seconds above 0"),
        (["--every", "nan"], "--every nan: expected seconds above 0"),
        (["--baseline", "last"], "--baseline: 'last' is no amount; write plain numbers, or 'first'"),
        (["--mode", "literal", "--max-peak-lock-mode", "then_elastic"], "'literal' always caps"),
        (["--profits", "0.5,abc"], "--profits: 'abc' is no amount"),
        (["--profits", "0.5,,0.6"], "--profits '0.5,,0.6': an amount is missing"),
        (["--profits", ""], "--profits '': an amount is missing"),
        (["--profits", "nan"], "--profits: 'nan' cannot be reckoned with"),
        (["--profits", "1e11"], "--profits: '1e11' cannot be reckoned with; use amounts up to 1e+10"),
    ],
)
def test_an_error_says_what_to_do(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sete", "--profits", DOCUMENTED, *words]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert message in output.err
    assert output.err.count("\n") == 1


@pytest.mark.parametrize(("amount", "text"), [(0.8, "0.80"), (0.336, "0.336"), (-2.0, "-2.00"), (1e-8, "0.00000001")])
def test_amounts_are_written_with_the_decimals_that_they_have(amount: float, text: str) -> None:
    assert written(amount) == text
