"""``ballast ladder``: what it shows is what the ladder does, and what it writes can be opened."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from ballast.cli.ladder_chart import GATED, KINDS, NO, YES, rungs, thresholds, warnings
from ballast.cli.ladder_picture import page, picture
from ballast.cli.main import run
from ballast.model.enums import LadderState, PositionMode, PositionSide, QtyUnit, Reason, Side
from ballast.model.intents import Intent, cancel, place_market
from ballast.risk.ladder import review
from ballast.risk.settings import RiskSettings
from tests.unit.risk.accounts import DOCUMENTED, SAFE, ladder_for, margin_view, settings

FILE = """
schema_version = 1
[data]
path = "bars.parquet"
symbols = ["DOGEUSDT", "XRPUSDT"]
[account]
kind = "{kind}"
[strategy]
name = "equal_weight"
[risk]
profile = "{profile}"
"""


def written(directory: Path, profile: str = "safe", kind: str = "spot", risk: str = "") -> Path:
    path = directory / "run.toml"
    path.write_text(FILE.format(profile=profile, kind=kind) + risk, encoding="utf-8")
    return path


def requests() -> list[Any]:
    """Return one request of every kind, for an account that is long 5 and short 3."""
    intents = Intent.array(4)  # type: ignore[attr-defined]
    place_market(intents, 0, 0, Side.BUY, 1.0, QtyUnit.BASE, 0)
    place_market(intents, 1, 0, Side.SELL, 1.0, QtyUnit.BASE, 0)
    place_market(intents, 2, 0, Side.SELL, 1.0, QtyUnit.BASE, 0)
    cancel(intents, 3, 0, 0, 0, 0)
    for intent, side in zip(intents, (PositionSide.LONG, PositionSide.SHORT, PositionSide.LONG), strict=False):
        intent.position_side = side
    intents[2].reduce_only = True
    return list(intents)


@pytest.mark.parametrize("rung", rungs(SAFE), ids=lambda rung: rung.state.name)
def test_the_table_that_is_shown_is_the_one_that_acts(rung: Any) -> None:
    view = margin_view((5.0, 3.0), mode=PositionMode.HEDGE)
    ladder = ladder_for(view)
    ladder.state = rung.state
    for kind, verdict, intent in zip(KINDS, rung.passes, requests(), strict=True):
        assert (review(ladder, view, intent) == Reason.NONE) == (verdict in {YES, GATED}), kind
        assert verdict in {YES, GATED, NO}


def test_every_setting_in_force_is_shown() -> None:
    shown = {row[0]: row[1] for row in thresholds(settings(panic_mult=2.25))}
    assert list(shown) == list(RiskSettings.parameters)  # type: ignore[attr-defined]
    assert (shown["panic_mult"], shown["panic_tp_policy"]) == ("2.25", "keep_all")


def test_the_thresholds_stand_in_the_words() -> None:
    frozen, panic, emergency = rungs(settings(panic_mult=2.0, early_freeze_mult=4.0, daily_loss_limit=0.02))[1:4]
    assert frozen.enters[0] == "A < 4 N"
    assert "a loss of 2 % since the day began" in frozen.enters
    assert frozen.leaves[0].startswith("A ≥ 4.4 N")
    assert panic.enters[0] == "A < 2 N"
    assert panic.leaves[0].startswith("A ≥ 2.2 N")
    assert emergency.enters[0] == "maintenance margin rate ≥ 90 %"


def test_the_original_is_shown_with_its_faults() -> None:
    assert rungs(DOCUMENTED)[LadderState.PANIC].leaves == ("never",)
    assert warnings(DOCUMENTED) == [
        "Falling, A passes 3 N before 1.5 N: PANIC comes before the freeze that should prevent it."
    ]
    assert warnings(SAFE) == []


def test_without_margin_no_margin_rule_is_told_of() -> None:
    told = " ".join(" ".join(rung.enters + rung.leaves) for rung in rungs(SAFE, has_margin=False))
    assert " N" not in told.replace(" NORMAL", "")
    assert "maintenance" not in told


@pytest.mark.parametrize("chosen", [SAFE, DOCUMENTED], ids=["safe", "documented"])
def test_the_picture_is_well_formed_and_names_every_state(chosen: Any) -> None:
    root = ET.fromstring(picture(rungs(chosen), chosen))
    words = " ".join(root.itertext())
    for state in LadderState:
        assert state.name in words
    assert "http" not in words


def test_nothing_in_the_picture_stands_outside_it() -> None:
    root = ET.fromstring(picture(rungs(SAFE), SAFE))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for element in root.iter("{http://www.w3.org/2000/svg}text"):
        assert 0.0 <= float(element.attrib["x"]) <= width
        assert 0.0 <= float(element.attrib["y"]) <= height


def test_the_page_holds_the_picture_and_every_key() -> None:
    html = page(rungs(SAFE), SAFE)
    assert "<svg" in html
    assert all(f"<code>{row[0]}</code>" in html for row in thresholds(SAFE))


def test_the_command_shows_table_diagram_and_thresholds(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ladder"]) == 0
    shown = capsys.readouterr().out
    for words in ("profile safe", "A < 1.5 N", "if affordable", "panic_exit_hold_s", "60"):
        assert words in shown


def test_the_command_writes_what_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    svg, html = tmp_path / "ladder.svg", tmp_path / "ladder.html"
    assert run(["ladder", "--profile", "documented", "--svg", str(svg), "--html", str(html)]) == 0
    assert "profile documented" in svg.read_text(encoding="utf-8")
    assert "<svg" in html.read_text(encoding="utf-8")
    assert str(svg) in capsys.readouterr().out


def test_the_proof_tells_what_is_wrong_with_the_original(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ladder", "--profile", "documented", "--prove"]) == 0
    shown = capsys.readouterr().out
    assert "✗ it freezes before it panics" in shown
    assert "1. A = 2.999997 N" in shown
    assert "✓ worse figures never give a lower state" in shown


def test_a_file_shows_its_own_ladder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ladder", str(written(tmp_path, risk="daily_loss_limit = 0.03\n"))]) == 0
    shown = capsys.readouterr().out
    assert "a loss of 3 % since the day began" in shown
    assert "margin rungs are absent" in shown


@pytest.mark.parametrize(
    ("profile", "arguments", "words"),
    [
        ("off", [], 'risk.profile = "off" has no ladder to show'),
        ("safe", ["--profile", "safe"], "names its own profile"),
        ("safe", ["--svg", "nowhere/ladder.svg"], "no directory nowhere"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    profile: str, arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["ladder", str(written(tmp_path, profile)), *arguments]) == 2
    assert words in capsys.readouterr().err


def test_the_picture_in_the_documentation_is_the_one_that_is_drawn() -> None:
    stored = Path(__file__).parents[3] / "docs" / "images" / "ladder.svg"
    assert stored.read_text(encoding="utf-8") == picture(rungs(SAFE), SAFE)
