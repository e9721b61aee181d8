"""Margin accounts, leverage by symbol, and the settings of the ladder: what loads, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.config import Config, from_dict, load, strategy_of
from ballast.config.account import refuse_leverage_above_tiers
from ballast.config.risk import PARAMETERS, risk_settings_of
from ballast.model.enums import PanicTakeProfit
from ballast.model.errors import ConfigError
from ballast.model.instrument import Tier
from ballast.risk.settings import Profile
from tests.unit.config.settings import SYMBOLS, settings, with_keys

STRATEGY = """
from ballast.model.errors import ConfigError
from ballast.model.records import SymbolFloats, SymbolInts, parameter, record

@record
class Params:
    step_percent: SymbolFloats = parameter(1.0, "Step.", unit="percent", minimum=0.01, maximum=100)
    levels: SymbolInts = parameter(10, "Levels.", unit="levels", minimum=1, maximum=50)
    stake: float = parameter(5.0, "Stake.", unit="quote currency", minimum=0)

@record
class State:
    n: int

def validate(params, n_symbols):
    for symbol in range(n_symbols):
        if params.levels[symbol] * params.step_percent[symbol] >= 100:
            raise ConfigError(f"strategy.levels = {params.levels[symbol]}: too deep")

def decide(row, view, state, params, intents):
    return 0
"""


def margin(**sections: Any) -> dict[str, Any]:
    """Return a valid configuration of a margin account; keys given are added to their sections."""
    valid = settings(account={"kind": "unified_margin"})
    return valid | {name: valid.get(name, {}) | keys for name, keys in sections.items()}


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    (tmp_path / "grid.py").write_text(STRATEGY)
    return tmp_path


def gridded(directory: Path, strategy: dict[str, Any] | None = None, **sections: Any) -> Config:
    raw = margin(**sections) | {"strategy": {"name": "grid.py"} | (strategy or {})}
    return from_dict(raw, directory=directory)


class TestTheAccount:
    def test_a_margin_account_has_the_documented_defaults(self) -> None:
        account = from_dict(margin()).account
        assert (account.mode, account.leverage, account.margin_model) == ("one_way", 1.0, "bybit_unified")
        assert (account.maker_fee_rate, account.taker_fee_rate) == (0.0002, 0.00055)
        assert account.is_margin

    def test_a_spot_account_has_none_of_them(self) -> None:
        config = from_dict(settings())
        assert (config.account.mode, config.account.leverage, config.account.margin_model) == (None, None, None)
        assert config.leverages == (1.0, 1.0, 1.0)
        assert set(config.to_dict()["account"]) == {
            "kind", "initial_capital", "currency", "maker_fee_rate", "taker_fee_rate", "positions",
        }  # fmt: skip

    def test_fees_that_are_given_stand(self) -> None:
        account = from_dict(margin(account={"fee_rate": 0.001})).account
        assert (account.maker_fee_rate, account.taker_fee_rate) == (0.001, 0.001)

    def test_its_market_is_linear(self) -> None:
        assert from_dict(margin()).data.market == "linear"
        assert from_dict(settings()).data.market == "spot"

    def test_every_key_is_taken(self) -> None:
        config = from_dict(
            margin(
                account={
                    "mode": "hedge", "leverage": 20, "margin_model": "textbook",
                    "tiers": "bybit-btcusdt-2026-08", "tiers_stand_in": "brackets.json.gz",
                },
                data={"mark": True, "funding": "funding.parquet", "venue": "bybit"},
            )
        )  # fmt: skip
        assert (config.account.mode, config.account.leverage) == ("hedge", 20.0)
        assert (config.data.mark, config.data.funding, config.data.venue) == (True, "funding.parquet", "bybit")

    def test_a_dataset_may_name_the_venue_of_its_funding_file(self) -> None:
        data = {"dataset": "sample/spot", "symbols": SYMBOLS, "venue": "bybit", "funding": "funding.parquet"}
        assert from_dict(settings(account={"kind": "unified_margin"}, data=data)).data.venue == "bybit"

    @pytest.mark.parametrize(
        ("raw", "message"),
        [
            (
                with_keys("account", leverage=5),
                "account.leverage = 5.0: only margin accounts have it; set account.kind",
            ),
            (with_keys("account", mode="hedge"), 'account.mode = "hedge": only margin accounts have it'),
            (with_keys("account", tiers="x.json"), 'account.tiers = "x.json": only margin accounts have it'),
            (with_keys("data", mark=True), "data.mark = true: only margin accounts have it"),
            (with_keys("data", funding="f.csv"), 'data.funding = "f.csv": only margin accounts have it'),
            (
                with_keys("strategy", symbols={SYMBOLS[0]: {"leverage": 2}}),
                f"strategy.symbols.{SYMBOLS[0]}.leverage = 2.0: only margin accounts have it",
            ),
            (
                margin(account={"positions": {SYMBOLS[0]: 1.0}}),
                "account.positions: a margin account starts without positions; remove the key",
            ),
            (
                margin(account={"mode": "hegde"}),
                'account.mode = "hegde": expected one of "one_way", "hedge"; did you mean \'hedge\'?',
            ),
            (
                margin(account={"margin_model": "bybit"}),
                'account.margin_model = "bybit": expected one of "bybit_unified", "textbook"',
            ),
            (
                margin(account={"leverage": 0.5}),
                "account.leverage = 0.5: expected a number at least 1 and at most 200 (times)",
            ),
            (margin(account={"leverage": 201}), "account.leverage = 201: expected a number at least 1 and at most 200"),
            (margin(account={"leverage": "10x"}), "account.leverage = '10x': expected a number (times)"),
            (
                margin(data={"market": "spot"}),
                'data.market = "spot": a unified_margin account trades linear contracts; write "linear"',
            ),
            (
                margin(data={"funding": "catalog"}),
                'data.funding = "catalog": the bars come from a file; name a file of funding rates, too',
            ),
            (margin(data={"mark": "yes"}), "data.mark = 'yes': expected true or false"),
        ],
        ids=str,
    )
    def test_what_does_not_fit_is_one_line(self, raw: dict[str, Any], message: str) -> None:
        with pytest.raises(ConfigError, match=re.escape(message)) as caught:
            from_dict(raw)
        assert "\n" not in str(caught.value)


class TestBySymbol:
    def test_a_value_for_all_and_single_ones_over_it(self, grid: Path) -> None:
        config = gridded(
            grid,
            {"levels": 8, "symbols": {SYMBOLS[1]: {"step_percent": 0.5, "leverage": 50}, SYMBOLS[2]: {"levels": 3}}},
            account={"leverage": 10},
        )
        params = strategy_of(config).params(config.strategy.settings, 3, config.symbol_settings)
        assert params.step_percent[:3].tolist() == [1.0, 0.5, 1.0]
        assert params.levels[:3].tolist() == [8, 8, 3]
        assert params.stake == 5.0
        assert config.leverages == (10.0, 50.0, 10.0)

    def test_without_any_the_value_for_all_fills_every_entry(self, grid: Path) -> None:
        config = gridded(grid, {"step_percent": 2})
        assert config.strategy.settings == {"step_percent": 2.0, "levels": 10, "stake": 5.0}
        params = strategy_of(config).params(config.strategy.settings, 3)
        assert set(params.step_percent.tolist()) == {2.0}

    def test_the_strategy_tells_which_keys_they_are(self, grid: Path) -> None:
        assert strategy_of(gridded(grid)).symbol_keys == ["step_percent", "levels"]

    def test_the_strategy_judges_the_whole(self, grid: Path) -> None:
        with pytest.raises(ConfigError, match=re.escape("strategy.levels = 50: too deep")):
            gridded(grid, {"symbols": {SYMBOLS[2]: {"levels": 50, "step_percent": 2}}})

    def test_an_override_of_the_command_line_reaches_a_symbol(self, grid: Path) -> None:
        (grid / "run.toml").write_text(
            '[data]\npath = "b.parquet"\nsymbols = ["AUSDT", "BUSDT"]\n[account]\nkind = "unified_margin"\n'
            '[strategy]\nname = "grid.py"\n[strategy.symbols.AUSDT]\nlevels = 4\n'
        )
        config = load(grid / "run.toml", ["strategy.symbols.AUSDT.levels=7", "strategy.symbols.BUSDT.leverage=3"])
        assert config.symbol_settings == {0: {"levels": 7}, 1: {}}
        assert config.leverages == (1.0, 3.0)

    @pytest.mark.parametrize(
        ("symbols", "message"),
        [
            ({"BLORP": {}}, "strategy.symbols.BLORP: the symbol is not in data.symbols; did you mean 'BLORPUSDT'?"),
            (
                {SYMBOLS[0]: {"levls": 3}},
                f"strategy.symbols.{SYMBOLS[0]}.levls: no such key of 'grid'; did you mean 'levels'?",
            ),
            (
                {SYMBOLS[0]: {"stake": 3}},
                (
                    f"strategy.symbols.{SYMBOLS[0]}.stake: the same for all symbols, which may differ in leverage, "
                    "step_percent, levels; set it in [strategy]"
                ),
            ),
            (
                {SYMBOLS[0]: {"levels": 51}},
                f"strategy.symbols.{SYMBOLS[0]}.levels = 51: expected a number at least 1 and at most 50 (levels)",
            ),
            ({SYMBOLS[0]: {"levels": 2.5}}, f"strategy.symbols.{SYMBOLS[0]}.levels = 2.5: expected a whole number"),
            (
                {SYMBOLS[0]: {"leverage": 0}},
                f"strategy.symbols.{SYMBOLS[0]}.leverage = 0: expected a number at least 1",
            ),
            ({SYMBOLS[0]: 3}, f"strategy.symbols.{SYMBOLS[0]} = 3: expected a section"),
            (3, "strategy.symbols = 3: expected a section"),
        ],
        ids=str,
    )
    def test_what_cannot_be_meant_is_one_line(self, grid: Path, symbols: Any, message: str) -> None:
        with pytest.raises(ConfigError, match=re.escape(message)):
            gridded(grid, {"symbols": symbols})

    @given(
        st.dictionaries(
            st.sampled_from(SYMBOLS),
            st.fixed_dictionaries(
                {},
                optional={
                    "leverage": st.integers(1, 200),
                    "step_percent": st.floats(0.01, 1),
                    "levels": st.integers(1, 50),
                },
            ),
        ),
        st.sampled_from(["safe", "documented", "off"]),
    )
    def test_the_effective_configuration_loads_as_itself(
        self, tmp_path_factory: pytest.TempPathFactory, symbols: dict[str, Any], profile: str
    ) -> None:
        directory = tmp_path_factory.getbasetemp()
        (directory / "grid.py").write_text(STRATEGY)
        config = gridded(directory, {"symbols": symbols}, account={"mode": "hedge"}, risk={"profile": profile})
        again = from_dict(json.loads(json.dumps(config.to_dict())), directory=directory)
        assert again == config
        assert again.hash == config.hash


class TestLeverageAndTiers:
    def tiers(self) -> Any:
        tiers = Tier.array(4)  # type: ignore[attr-defined]
        tiers["symbol"] = [0, 0, 1, 2]
        tiers["upper_value"] = [10_000, np.inf, np.inf, 50_000]
        tiers["max_leverage"] = [100, 50, 25, 75]
        return tiers

    def test_what_the_first_tier_allows_is_allowed(self) -> None:
        raw = margin(account={"leverage": 25}, strategy={"symbols": {SYMBOLS[0]: {"leverage": 100}}})
        refuse_leverage_above_tiers(from_dict(raw), self.tiers(), "file")

    @pytest.mark.parametrize(
        ("common", "own", "message"),
        [
            (
                26,
                {},
                "account.leverage = 26: the first risk tier of SNORTLUSDT, positions of any size, allows at most",
            ),
            (
                25,
                {SYMBOLS[0]: {"leverage": 101}},
                (
                    "strategy.symbols.BLORPUSDT.leverage = 101: the first risk tier of BLORPUSDT, positions up to "
                    "10,000, allows at most 100 (file); lower it"
                ),
            ),
        ],
    )
    def test_more_is_refused_with_the_tier(self, common: float, own: dict[str, Any], message: str) -> None:
        config = from_dict(margin(account={"leverage": common}, strategy={"symbols": own}))
        with pytest.raises(ConfigError, match=re.escape(message)):
            refuse_leverage_above_tiers(config, self.tiers(), "file")


class TestRisk:
    def test_the_profile_is_safe_unless_said(self) -> None:
        assert from_dict(settings()).risk.profile == "safe"
        assert risk_settings_of(from_dict(margin())).profile == Profile.SAFE

    def test_a_margin_account_states_every_setting(self) -> None:
        assert from_dict(margin()).risk.settings.keys() == PARAMETERS.keys()

    def test_an_account_without_margin_states_what_it_is_given(self) -> None:
        config = from_dict(with_keys("risk", drawdown_limit=0.05))
        assert config.risk.settings == {"profile": "safe", "drawdown_limit": 0.05}
        assert risk_settings_of(config).max_account_drawdown == 0.0
        assert risk_settings_of(config).drawdown_limit == 0.05

    def test_settings_stand_over_the_profile(self) -> None:
        config = from_dict(margin(risk={"profile": "documented", "panic_tp_policy": "keep_all"}))
        record = risk_settings_of(config)
        assert (record.early_freeze_mult, record.panic_mult) == (1.5, 3.0)
        assert record.panic_tp_policy == PanicTakeProfit.KEEP_ALL
        assert config.risk.settings["panic_tp_policy"] == "keep_all"

    @pytest.mark.parametrize(
        ("risk", "message"),
        [
            ({"profil": "safe"}, "risk.profil: no such key of [risk]; did you mean 'profile'?"),
            ({"panic_mlt": 2}, "risk.panic_mlt: no such key of [risk]; did you mean 'panic_mult'?"),
            (
                {"mm_rate_threshold": 0.9},
                (
                    "risk.mm_rate_threshold = 0.9: expected a number at least 1 and at most 100 (percent); "
                    "did you mean 90? it is a percent"
                ),
            ),
            (
                {"max_account_drawdown": 20},
                (
                    "risk.max_account_drawdown = 20: expected a number at least 0 and below 1 (fraction); "
                    "did you mean 0.2? it is a fraction"
                ),
            ),
            ({"early_freeze_mult": 1.2, "panic_mult": 1.5}, "risk.early_freeze_mult = 1.2: must be above panic_mult"),
            ({"profile": "brave"}, "risk.profile = 'brave': expected one of safe, documented, off"),
            (3, "risk = 3: expected a section"),
        ],
        ids=str,
    )
    def test_what_cannot_be_meant_is_one_line(self, risk: Any, message: str) -> None:
        with pytest.raises(ConfigError, match=re.escape(message)):
            from_dict(margin() | {"risk": risk})


class TestPathsOfTheCommandLine:
    @pytest.mark.parametrize("key", ["account.tiers", "account.tiers_stand_in", "data.funding"])
    def test_a_file_starts_at_the_working_directory_and_a_name_is_left_alone(
        self, grid: Path, monkeypatch: pytest.MonkeyPatch, key: str
    ) -> None:
        (grid / "run.toml").write_text(
            '[data]\ndataset = "bybit/linear"\nsymbols = ["AUSDT"]\n[account]\nkind = "unified_margin"\n'
            '[strategy]\nname = "grid.py"\n'
        )
        (grid / "here").mkdir()
        monkeypatch.chdir(grid / "here")
        section, _, name = key.partition(".")
        word = "catalog" if section == "data" else "bybit-btcusdt-2026-08"
        for text, expected in (
            (f"{word}", word),
            ("x.json", str(grid / "here/x.json")),
            ("../x", str(grid / "here/../x")),
        ):
            config = load(grid / "run.toml", [f'{key}="{text}"'])
            assert getattr(getattr(config, section), name) == expected
