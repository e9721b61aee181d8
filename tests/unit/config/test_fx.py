"""Accounts at an FX broker: what loads, what every symbol comes to, and what is refused in one line."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from ballast.config import from_dict
from ballast.config.fx import contracts_of, fx_assumptions, fx_conversions, fx_tiers
from ballast.config.instruments import instruments_of
from ballast.model.errors import ConfigError
from tests.unit.config.settings import settings


def fx(symbols: tuple[str, ...] = ("EURUSD",), **sections: Any) -> dict[str, Any]:
    """Return a valid configuration of an FX account; keys given are added to their sections."""
    valid = settings(
        data={"path": "bars.parquet", "symbols": list(symbols)},
        account={"kind": "fx_margin"},
        strategy={"name": "rsi_reversion"},
    )
    return valid | {name: valid.get(name, {}) | keys for name, keys in sections.items()}


def test_its_defaults_are_a_brokers() -> None:
    config = from_dict(fx())
    account = config.account
    assert (account.currency, account.leverage, account.mode) == ("USD", 30.0, "one_way")
    assert (account.stop_out_level_pct, account.margin_model) == (50.0, None)
    assert (account.maker_fee_rate, account.taker_fee_rate) == (0.000035, 0.000035)
    assert (config.data.market, config.execution.slippage_bps) == ("fx", 0.5)
    assert account.is_margin
    assert account.is_fx


def test_hedge_mode_is_there_for_who_asks() -> None:
    assert from_dict(fx(account={"mode": "hedge"})).account.mode == "hedge"


def test_its_effective_configuration_loads_again() -> None:
    config = from_dict(fx(("GBPUSD", "EURUSD"), account={"currency": "EUR"}))
    assert from_dict(config.to_dict()) == config


def test_lots_and_ticks_are_the_usual_ones() -> None:
    found = instruments_of(from_dict(fx(("EURUSD", "USDJPY", "XAUUSD", "XAGUSD"))))
    assert (found["lot_units"] / found["lot_scale"])[:4].tolist() == [1_000.0, 1_000.0, 1.0, 50.0]
    assert found["min_qty"][:4].tolist() == [1_000.0, 1_000.0, 1.0, 50.0]
    assert (found["tick_units"] / found["tick_scale"])[:4].tolist() == [0.00001, 0.001, 0.01, 0.01]


def test_a_table_of_the_symbol_stands_over_them() -> None:
    raw = fx(instruments={"EURUSD": {"contract_size": 10_000, "tick": 0.0001}})
    (found,) = instruments_of(from_dict(raw))
    assert (found.lot_units, found.min_qty, found.tick_scale) == (100, 100.0, 10_000.0)
    (found,) = instruments_of(from_dict(fx(instruments={"EURUSD": {"lot_step": 1}})))
    assert (found.lot_units, found.min_qty) == (1, 0.0)


@pytest.mark.skipif(not os.environ.get("BALLAST_RECORDED_DATA"), reason="BALLAST_RECORDED_DATA is not set")
def test_the_brokers_own_table_is_read() -> None:
    file = Path(os.environ["BALLAST_RECORDED_DATA"]) / "instrument_properties_lean.parquet"
    raw = fx(("EURUSD", "XAUUSD"), instruments={"file": str(file), "venue": "oanda"})
    euro, gold = instruments_of(from_dict(raw))
    assert (euro.tick_scale, euro.lot_units, euro.lot_scale, euro.min_qty) == (100_000.0, 1, 1.0, 0.0)
    assert (gold.tick_units, gold.tick_scale) == (1, 1_000.0)


def test_margin_comes_from_leverage_and_the_stop_out() -> None:
    raw = fx(("EURUSD", "XAUUSD"), account={"stop_out_level_pct": 20})
    raw["strategy"] |= {"symbols": {"XAUUSD": {"leverage": 10}}}
    tiers = fx_tiers(from_dict(raw))
    assert tiers["maintenance_margin_rate"].tolist() == [0.2 / 30, 0.2 / 10]


def test_what_is_quoted_in_the_accounts_currency_needs_no_conversion() -> None:
    assert fx_conversions(from_dict(fx(("EURUSD", "XAUUSD")))) is None


def test_other_currencies_go_through_a_symbol_or_a_fixed_rate() -> None:
    symbols = ("GBPUSD", "EURUSD", "EURGBP", "USDJPY", "GER40")
    tables = {
        "USDJPY": {"conversion_rate": 0.0067},
        "GER40": {"contract_size": 1, "quote_currency": "eur", "tick": 0.5},
    }
    config = from_dict(fx(symbols, account={"currency": "EUR"}, instruments=tables))
    found = fx_conversions(config)
    assert found["via_symbol"].tolist() == [1, 1, 2, -1, -1]
    assert found["is_inverse"].tolist() == [True, True, True, False, False]
    assert found["rate"].tolist() == [0.0, 0.0, 0.0, 0.0067, 1.0]
    assert [contract.quote_currency for contract in contracts_of(config)] == ["USD", "USD", "GBP", "JPY", "EUR"]
    said = list(fx_assumptions(config))
    assert "USD of GBPUSD becomes EUR at the last close of EURUSD." in said
    assert "JPY of USDJPY becomes EUR at the fixed rate of 0.0067." in said


def test_a_pair_converts_either_way_round() -> None:
    found = fx_conversions(from_dict(fx(("EURGBP", "GBPUSD"))))
    assert (found["via_symbol"].tolist(), found["is_inverse"].tolist()) == ([1, -1], [False, False])


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (fx(account={"leverage": 0}), "account.leverage = 0: expected a number at least 1 and at most 200"),
        (fx(account={"leverage": -5}), "account.leverage = -5: expected a number at least 1 and at most 200"),
        (fx(account={"stop_out_level_pct": 0}), "account.stop_out_level_pct = 0: expected a number above 0"),
        (
            fx(account={"tiers": "x.json"}),
            'account.tiers = "x.json": only unified_margin accounts have it and account.kind = "fx_margin"; remove',
        ),
        (fx(account={"margin_model": "textbook"}), 'account.margin_model = "textbook": only unified_margin accounts'),
        (fx(data={"funding": "f.csv"}), 'data.funding = "f.csv": only unified_margin accounts have it'),
        (fx(data={"market": "spot"}), 'data.market = "spot": an fx_margin account trades fx; write "fx"'),
        (fx(account={"positions": {"EURUSD": 1.0}}), "account.positions: a margin account starts without positions"),
        (
            settings(account={"stop_out_level_pct": 30}),
            'account.stop_out_level_pct = 30.0: only fx_margin accounts have it and account.kind = "spot"; remove',
        ),
        (
            settings(instruments={"BLORPUSDT": {"contract_size": 10}}),
            "instruments.BLORPUSDT.contract_size = 10.0: only fx_margin accounts have it",
        ),
        (
            fx(("BLORP",)),
            "data.symbols: 'BLORP' is no pair of currencies and no metal that is known; give it a table [instruments",
        ),
        (
            fx(instruments={"EURUSD": {"lot_step": 0}}),
            "instruments.EURUSD.lot_step = 0.0: a broker trades in steps above zero; remove the key or correct it",
        ),
        (fx(instruments={"EURUSD": {"tick": 0}}), "instruments.EURUSD.tick = 0.0: a broker trades in steps above zero"),
        (fx(instruments={"EURUSD": {"contract_size": 0}}), "instruments.EURUSD.contract_size = 0: expected a number"),
        (
            fx(("USDJPY",), account={"currency": "EUR"}),
            "instruments.USDJPY: USDJPY is quoted in JPY, account.currency is EUR, and nothing joins the two; set inst",
        ),
        (
            fx(instruments={"EURUSD": {"conversion_rate": 0.9}}),
            "instruments.EURUSD.conversion_rate = 0.9: EURUSD is quoted in USD, the account's own currency; remove the",
        ),
        (
            fx(instruments={"EURUSD": {"quote_currency": "Dollar"}}),
            'instruments.EURUSD.quote_currency = "Dollar": not understood; expected a currency of its prices',
        ),
        (fx(account={"kind": "cash_equity"}), 'account.kind = "cash_equity": not in this version, which runs spot'),
    ],
)
def test_what_cannot_be_is_refused(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match="^" + re.escape(message)):
        from_dict(raw)
