"""Files that load, and what every other file is told."""

from __future__ import annotations

import os
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ballast.config import Config, from_dict, load, strategy_of
from ballast.model.errors import ConfigError
from tests.unit.config.settings import SYMBOLS, settings, with_keys

SMALLEST = """
[data]
path = "bars.parquet"
symbols = ["BLORPUSDT", "SNORTLUSDT", "WOBBLOUSDT"]

[strategy]
name = "cascade"
"""

# The whole of layout version 1 at its publication: files like this keep loading for ever.
VERSION_1 = """
schema_version = 1

[data]
path = "bars.parquet"
symbols = ["BLORPUSDT", "SNORTLUSDT", "WOBBLOUSDT"]
interval = "1m"
start = 2026-05-20
end = 2026-06-04T12:00:00Z
venue = "mexc"
market = "spot"
columns = {timestamp = "ts"}

[account]
kind = "spot"
initial_capital = 10000
currency = "USDT"
maker_fee_rate = 0.0005
taker_fee_rate = 0.001
positions = {BLORPUSDT = 100.0}

[execution]
slippage_bps = 10.0
max_stale_bars = 5
lot_step = 0.01
tick_size = 0.0001
path = "low_first"
limit_fill = "touch"
volume_participation = 0.1
latency_bars = 1
fill = "next_open"

[instruments]
file = "instruments.json"

[instruments.SNORTLUSDT]
tick = 0.001
lot_step = 0.1
min_qty = 1
min_notional = 5.0
max_qty = 1e6

[strategy]
name = "cascade"
upside_threshold = 0.40
downside_threshold = 0.35
sell_percentage = 0.20
usdt_reserve = 0.30
min_order_value = 15.0
cooldown_minutes = 30
max_position_pct = 0.40
min_usdt_reserve_pct = 0.10

[risk]
profile = "safe"

[report]
title = "A run"
benchmarks = ["monthly"]
risk_free_rate = 0.02
"""


def written(directory: Path, text: str, name: str = "run.toml") -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(raw: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        from_dict(raw)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_smallest_file_loads_with_the_documented_defaults(tmp_path: Path) -> None:
    config = load(written(tmp_path, SMALLEST))
    assert config.data.symbols == tuple(SYMBOLS)
    assert (config.account.kind, config.account.initial_capital, config.account.currency) == ("spot", 10_000.0, "USDT")
    assert (config.account.maker_fee_rate, config.account.taker_fee_rate) == (0.001, 0.001)
    assert (config.execution.slippage_bps, config.execution.max_stale_bars, config.execution.lot_step) == (10.0, 5, 0.0)
    assert (config.execution.path, config.execution.limit_fill, config.execution.fill) == (
        "near_first",
        "through",
        "next_open",
    )
    assert config.strategy.settings["upside_threshold"] == 0.40
    assert config.report.risk_free_rate == 0.0


def test_a_file_of_the_first_layout_still_loads(tmp_path: Path) -> None:
    config = load(written(tmp_path, VERSION_1))
    assert config.data.start == datetime(2026, 5, 20, tzinfo=UTC)
    assert config.data.end_ms == 1_780_574_400_000
    assert config.account.positions == {"BLORPUSDT": 100.0}
    assert config.instruments.symbols["SNORTLUSDT"].min_qty == 1.0
    assert config.execution.latency_bars == 1
    assert config.strategy.settings["cooldown_minutes"] == 30.0
    assert config.report.benchmarks == ("monthly",)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("x = 1\ndef decide(:\n", "line 2 is not Python (invalid syntax)"),
        ("import nosuchmodule\n", "line 1 raises ModuleNotFoundError (No module named 'nosuchmodule')"),
        ("def f():\n    return 1 / 0\n\nf()\n", "line 2 raises ZeroDivisionError (division by zero)"),
    ],
)
def test_a_strategy_file_that_does_not_run_is_named_with_the_line(tmp_path: Path, module: str, message: str) -> None:
    (tmp_path / "idle.py").write_text(module)
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, SMALLEST.replace('"cascade"', '"idle.py"')))
    assert str(caught.value).endswith(f"strategy.name = '{tmp_path / 'idle.py'}': {message}; correct the file")


def test_a_byte_order_mark_and_line_ends_of_windows_are_no_matter(tmp_path: Path) -> None:
    file = written(tmp_path, SMALLEST)
    plain = load(file)
    file.write_bytes(b"\xef\xbb\xbf" + SMALLEST.replace("\n", "\r\n").encode())
    assert load(file) == plain


def test_a_file_without_a_schema_version_is_of_the_current_one(tmp_path: Path) -> None:
    assert load(written(tmp_path, SMALLEST)).schema_version == 1


@pytest.mark.parametrize("moment", ["2026-05-20", "2026-05-20T00:00:00Z", "2026-05-20T02:00:00+02:00"])
def test_a_day_can_be_written_in_every_way_that_means_it(moment: str) -> None:
    assert from_dict(with_keys("data", start=moment)).data.start_ms == 1_779_235_200_000
    assert from_dict(with_keys("data", start=date(2026, 5, 20))).data.start_ms == 1_779_235_200_000
    assert from_dict(with_keys("data", start=datetime(2026, 5, 20))).data.start_ms == 1_779_235_200_000  # noqa: DTZ001


def test_one_fee_rate_means_both() -> None:
    account = from_dict(with_keys("account", fee_rate=0.002)).account
    assert (account.maker_fee_rate, account.taker_fee_rate) == (0.002, 0.002)


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    config = load(written(tmp_path, SMALLEST))
    assert config.resolved("bars.parquet") == tmp_path / "bars.parquet"
    assert config.resolved("/elsewhere/bars.parquet") == Path("/elsewhere/bars.parquet")


def test_a_strategy_may_be_a_file_beside_the_configuration(tmp_path: Path) -> None:
    module = """
from ballast.model.records import parameter, record

@record
class Params:
    stake: float = parameter(1.0, "How much.", unit="base", minimum=0)

@record
class State:
    n: int

def decide(row, view, state, params, intents):
    return 0
"""
    (tmp_path / "idle.py").write_text(module)
    text = SMALLEST.replace('"cascade"', '"idle.py"') + "stake = 2\n"
    config = load(written(tmp_path, text))
    assert config.strategy.settings == {"stake": 2.0}
    assert strategy_of(config).name == "idle"


def test_overrides_stand_over_the_file(tmp_path: Path) -> None:
    config = load(
        written(tmp_path, SMALLEST),
        [
            "strategy.upside_threshold=0.3",
            'data.symbols=["AUSDT", "BUSDT"]',
            "strategy.usdt_reserve = 0.5",
            "strategy.max_position_pct=0.5",
            "instruments.AUSDT.tick=0.01",
            "data.start=2026-05-20",
        ],
    )
    assert config.strategy.settings["upside_threshold"] == 0.3
    assert config.data.symbols == ("AUSDT", "BUSDT")
    assert config.instruments.symbols["AUSDT"].tick == 0.01
    assert config.data.start_ms == 1_779_235_200_000


def test_a_word_needs_no_quotes(tmp_path: Path) -> None:
    config = load(written(tmp_path, SMALLEST), ["data.path=other/minutes.parquet", "data.interval=5m"])
    assert config.data.path is not None
    assert config.data.path == str(Path("other/minutes.parquet").absolute())
    assert config.data.interval == "5m"


def test_a_later_override_stands_over_an_earlier_one(tmp_path: Path) -> None:
    overrides = ["account.initial_capital=1", "account.initial_capital=2"]
    assert load(written(tmp_path, SMALLEST), overrides).account.initial_capital == 2.0


def test_a_path_typed_on_the_command_line_starts_at_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, SMALLEST)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    config = load(file, ['data.path="other.parquet"'])
    assert config.data.path is not None
    assert config.resolved(config.data.path) == tmp_path / "here" / "other.parquet"


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("strategy", "expected section.key=value"),
        ("upside_threshold=0.3", "expected section.key=value"),
        ("report.title=a title", "text stands in quotes"),
        ("strategy.upside_threshold=high", "expected a number"),
        ("strategy.upside_threshold=0.4.1", "expected a number"),
        ("strategy.name=", "is not TOML"),
        ("strategy.low=1\n[data]", "is not TOML"),
        ("data.path.deeper=1", "'path' is a value in the file"),
        (
            "strategy.upside_treshold=0.3",
            "strategy.upside_treshold: no such key of 'cascade'; did you mean 'upside_threshold'?",
        ),
    ],
)
def test_an_override_that_cannot_be_meant_is_refused(tmp_path: Path, override: str, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        load(written(tmp_path, SMALLEST), [override])


def test_what_is_wrong_in_a_file_is_told_with_its_name(tmp_path: Path) -> None:
    file = written(tmp_path, SMALLEST.replace("symbols", "symbls"))
    with pytest.raises(ConfigError, match=re.escape(f"{file}: data.symbls: no such key; did you mean 'symbols'?")):
        load(file)


def test_a_missing_file_is_told_with_the_nearest_name_beside_it(tmp_path: Path) -> None:
    written(tmp_path, SMALLEST, "cascade.toml")
    with pytest.raises(ConfigError, match=r"cascad\.toml: no such file; did you mean 'cascade\.toml'\?"):
        load(tmp_path / "cascad.toml")


def test_a_file_that_is_not_toml_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"run\.toml: not valid TOML: .*line 3"):
        load(written(tmp_path, "[data]\npath = 'a'\nsymbols = 'a' 'b'\n"))


def test_a_file_that_is_not_text_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not a text file in UTF-8"):
        load(tmp_path / "run.toml")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read_is_told_so(tmp_path: Path) -> None:
    file = written(tmp_path, SMALLEST)
    file.chmod(0)
    with pytest.raises(ConfigError, match="cannot be read"):
        load(file)


def test_a_directory_is_not_a_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory\)"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (settings(acount={}), "[acount]: no such section; did you mean 'account'?"),
        (settings(execution=3), "execution = 3: expected a section; write [execution] with its keys beneath"),
        (settings(data=[]), "data = []: expected a section; write [data] with its keys beneath"),
        (
            settings(schema_version=2),
            "schema_version = 2: written for a newer Ballast, this one knows 1; upgrade Ballast",
        ),
        (settings(schema_version="1"), 'schema_version = "1": expected a whole number; write 1'),
        (with_keys("account", fee_rte=0.1), "account.fee_rte: no such key; did you mean 'fee_rate'?"),
        (
            with_keys("account", fee_rate=40),
            "account.fee_rate = 40: expected a number at least 0 and below 1 (fraction); did you mean 0.4?",
        ),
        (
            with_keys("strategy", upside_threshold=True),
            "strategy.upside_threshold = True: expected a number (fraction)",
        ),
        (with_keys("account", fee_rate="0.1 %"), "account.fee_rate = '0.1 %': expected a number (fraction)"),
        (
            with_keys("account", fee_rate=0.001, taker_fee_rate=0.002),
            "account.fee_rate = 0.001: given together with maker_fee_rate or taker_fee_rate; keep one form",
        ),
        (
            with_keys("account", maker_fee_rate=0.001),
            "account.maker_fee_rate = 0.001: taker_fee_rate is missing; give both, or fee_rate for one rate",
        ),
        (
            with_keys("account", kind="cash_equity"),
            'account.kind = "cash_equity": not in this version, which runs spot, unified_margin, fx_margin',
        ),
        (
            settings(instruments={SYMBOLS[0]: {"min_qty": 2.0, "max_qty": 1.0}}),
            f"instruments.{SYMBOLS[0]}.max_qty = 1: below min_qty = 2, so that no order could be placed; correct one",
        ),
        (
            with_keys("account", kind=["spot"]),
            'account.kind = [\'spot\']: expected one of "spot", "unified_margin", "fx_margin"',
        ),
        (
            with_keys("account", kind="sport"),
            'account.kind = "sport": expected one of "spot", "unified_margin", "fx_margin"; did you mean \'spot\'?',
        ),
        (
            with_keys("account", initial_capital=0),
            "account.initial_capital = 0: expected a number above 0 (quote currency)",
        ),
        (
            with_keys("account", initial_capital=float("inf")),
            "account.initial_capital = inf: expected a number above 0, at most 9e15 in size",
        ),
        (
            with_keys("account", initial_capital=float("nan")),
            "account.initial_capital = nan: expected a number above 0, at most 9e15 in size",
        ),
        (
            with_keys("account", positions={"BLORP": 1.0}),
            "account.positions.BLORP: the symbol is not in data.symbols; did you mean 'BLORPUSDT'?",
        ),
        (
            with_keys("account", positions={"BLORPUSDT": -1}),
            "account.positions.BLORPUSDT = -1: expected a number at least 0 (base units)",
        ),
        (with_keys("account", positions=[1.0]), "account.positions = [1.0]: expected a table of numbers"),
        (with_keys("data", symbols="BLORPUSDT"), 'data.symbols = "BLORPUSDT": expected a list of text, ["..."]'),
        (with_keys("data", symbols=[]), "data.symbols = []: name at least one symbol"),
        (with_keys("data", symbols=["AUSDT", 7]), 'data.symbols = 7: expected a list of text, ["..."]'),
        (with_keys("data", symbols=["AUSDT", "AUSDT"]), 'data.symbols: "AUSDT" is there twice; name each symbol once'),
        (settings(data={"path": "bars.parquet"}), 'data.symbols is missing; add it to [data]: a list of text, ["..."]'),
        (
            settings(data={"symbols": SYMBOLS}),
            "data.path, data.dataset: neither is given; give one: a file of bars, or a dataset of the catalog",
        ),
        (
            with_keys("data", dataset="mexc/spot"),
            "data.path, data.dataset: both are given; give one: a file of bars, or a dataset of the catalog",
        ),
        (
            settings(data={"dataset": "mexc", "symbols": SYMBOLS}),
            'data.dataset = "mexc": not understood; expected a dataset of the catalog, its venue and market, such as',
        ),
        (
            settings(data={"dataset": "mexc/spot", "symbols": SYMBOLS, "venue": "mexc"}),
            'data.venue = "mexc": only files need it; remove it',
        ),
        (
            with_keys("data", interval="5min"),
            'data.interval = "5min": not understood; expected a bar length, such as 1m, 5m, 1h or 1d',
        ),
        (
            with_keys("data", start="yesterday"),
            'data.start = "yesterday": not a time; write 2026-05-20 or 2026-05-20T14:30:00Z',
        ),
        (with_keys("data", start="0001-01-01T00:00+01:00"), 'data.start = "0001-01-01T00:00+01:00": not a time'),
        (with_keys("data", end=20260520), "data.end = 20260520: not a time; write 2026-05-20 or 2026-05-20T14:30:00Z"),
        (
            with_keys("data", start="2026-06-04", end="2026-06-04"),
            (
                "data.start = 2026-06-04T00:00:00+00:00: not before data.end = 2026-06-04T00:00:00+00:00, "
                "so that the window is empty; widen it"
            ),
        ),
        (
            with_keys("execution", path="near"),
            'execution.path = "near": expected one of "near_first", "high_first", "low_first"',
        ),
        (
            with_keys("execution", limit_fill="thruogh"),
            'execution.limit_fill = "thruogh": expected one of "through", "touch"; did you mean \'through\'?',
        ),
        (with_keys("execution", max_stale_bars=1.5), "execution.max_stale_bars = 1.5: expected a whole number (bars)"),
        (
            with_keys("execution", max_stale_bars=-1),
            "execution.max_stale_bars = -1: expected a number at least 0 and at most 100000 (bars)",
        ),
        (
            with_keys("execution", latency_ns=10**400),
            "execution.latency_ns = 100000000000000000000000000000000000000000000000000000000",
        ),
        (
            with_keys("execution", latency_bars=1, latency_ns=5),
            "execution.latency_bars = 1: given together with latency_ns = 5; keep one",
        ),
        (
            with_keys("execution", volume_participation=10),
            (
                "execution.volume_participation = 10: expected a number at least 0 and at most 1 (fraction); "
                "did you mean 0.1? it is a fraction"
            ),
        ),
        (
            with_keys("instruments", BLORP={"tick": 1}),
            "instruments.BLORP: the symbol is not in data.symbols; did you mean 'BLORPUSDT'?",
        ),
        (
            with_keys("instruments", flie="x"),
            "instruments.flie: no such key; it knows file, venue, a table per symbol",
        ),
        (
            with_keys("instruments", BLORPUSDT={"tik": 1}),
            "instruments.BLORPUSDT.tik: no such key; did you mean 'tick'?",
        ),
        (
            with_keys("instruments", BLORPUSDT={"tick": "1"}),
            "instruments.BLORPUSDT.tick = '1': expected a number (quote currency)",
        ),
        (settings(strategy={}), 'strategy.name is missing; add it to [strategy]: text, "..."'),
        (settings(strategy={"name": "cascad"}), "strategy.name = 'cascad': no such strategy; did you mean 'cascade'?"),
        (with_keys("strategy", name=7), 'strategy.name = 7: expected text, "..."'),
        (
            with_keys("strategy", upside_treshold=0.3),
            "strategy.upside_treshold: no such key of 'cascade'; did you mean 'upside_threshold'?",
        ),
        (
            with_keys("strategy", downside_threshold=35),
            (
                "strategy.downside_threshold = 35: expected a number above 0 and below 1 (fraction); "
                "did you mean 0.35? it is a fraction"
            ),
        ),
        (
            with_keys("risk", profile="of"),
            "risk.profile = 'of': expected one of safe, documented, off; did you mean 'off'?",
        ),
        (with_keys("risk", max_loss=1), "risk.max_loss: no such key of [risk]"),
        (with_keys("report", title=""), ""),
        (with_keys("report", benchmarks="monthly"), 'report.benchmarks = "monthly": expected a list of one of'),
    ],
    ids=str,
)
def test_every_problem_is_one_line_that_names_key_value_and_remedy(raw: dict[str, Any], message: str) -> None:
    if message:
        assert refusal(raw).startswith(message)
    else:
        assert isinstance(from_dict(raw), Config)


def test_parameters_that_cannot_work_together_are_refused() -> None:
    message = refusal(with_keys("strategy", max_position_pct=0.1))
    assert "max_position_pct" in message


def test_a_cascade_of_one_symbol_is_refused() -> None:
    assert "2" in refusal(settings(data={"path": "bars.parquet", "symbols": ["BLORPUSDT"]}))
