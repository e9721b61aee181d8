"""Risk tiers: worked ladders, the two forms of file, and what no ladder may be."""

from __future__ import annotations

import gzip
import itertools
import json
from math import inf, isclose
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.data.tiers import BUILT_IN, TierTable, tier_table
from ballast.model.errors import ConfigError, DataError

BUILT_IN_NAME = "bybit-btcusdt-2026-08"
Row = tuple[float, float, float, float]

# 1 % up to 10,000; 2 % up to 50,000: the deduction is 10,000 x (0.02 - 0.01); then 5 %: 100 + 50,000 x 0.03.
LADDER: list[Row] = [(10_000, 0.01, 0, 50), (50_000, 0.02, 100, 25), (200_000, 0.05, 1_600, 10)]


def bybit(symbol: str, rows: list[Row]) -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "symbol": symbol,
            "riskLimitValue": f"{bound:g}",
            "maintenanceMargin": f"{rate:g}",
            "initialMargin": f"{1 / leverage:g}",
            "isLowestRisk": int(number == 1),
            "maxLeverage": f"{leverage:.2f}",
            "mmDeduction": "" if number == 1 else f"{deduction:g}",
        }
        for number, (bound, rate, deduction, leverage) in enumerate(rows, start=1)
    ]


def ccxt(symbol: str, rows: list[Row], **info: Any) -> dict[str, Any]:
    floors = [0.0, *(row[0] for row in rows)]
    return {
        symbol: [
            {
                "tier": float(number),
                "symbol": symbol,
                "minNotional": floors[number - 1],
                "maxNotional": bound,
                "maintenanceMarginRate": rate,
                "maxLeverage": leverage,
                "info": {"bracket": number, "cum": deduction} | info,
            }
            for number, (bound, rate, deduction, leverage) in enumerate(rows, start=1)
        ]
    }


def answer(*lists: list[dict[str, Any]]) -> dict[str, Any]:
    entries = [entry for part in lists for entry in part]
    return {"retCode": 0, "retMsg": "OK", "result": {"category": "linear", "list": entries, "nextPageCursor": ""}}


def written(path: Path, body: Any) -> Path:
    content = json.dumps(body).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def rows_of(table: TierTable, symbol: int = 0) -> list[Row]:
    names = ("upper_value", "maintenance_margin_rate", "deduction", "max_leverage")
    return [tuple(float(tier[name]) for name in names) for tier in table.tiers if tier["symbol"] == symbol]  # type: ignore[misc]


def margin(rows: list[Row], value: float) -> float:
    """Maintenance margin of a position value, by the tier that it lies in."""
    _, rate, deduction, _ = next(row for row in rows if value <= row[0])
    return value * rate - deduction


class TestBuiltIn:
    def test_the_first_five_tiers_of_bitcoin(self) -> None:
        table = tier_table(["BTCUSDT"], BUILT_IN_NAME)
        assert rows_of(table)[:4] == [
            (2_000_000, 0.0050, 0, 100),
            (2_600_000, 0.0056, 1_200, 90),
            (3_200_000, 0.0063, 3_020, 80),
            (3_800_000, 0.0067, 4_300, 75),
        ]
        # 4,300 + 3,800,000 x (0.0100 - 0.0067): see the remark beside the table.
        assert rows_of(table)[4] == pytest.approx((inf, 0.0100, 16_840, 50))
        assert table.source == "bybit-btcusdt-2026-08: BTCUSDT"
        assert table.assumptions == ("Positions beyond the last risk tier (BTCUSDT 8,500,000) keep its rates.",)

    def test_margin_never_falls_where_a_position_grows(self) -> None:
        rows = rows_of(tier_table(["BTCUSDT"], BUILT_IN_NAME))
        margins = [margin(rows, value) for value in range(0, 9_000_000, 50_000)]
        assert margins == sorted(margins)
        # Worked by hand: 3,000,000 x 0.63 % - 3,020.
        assert isclose(margin(rows, 3_000_000), 15_880)

    def test_every_built_in_ladder_is_a_ladder(self) -> None:
        for name, symbols in BUILT_IN.items():
            assert len(tier_table(list(symbols), name).tiers) > 0


class TestForms:
    def test_bybit_s_answer_is_read(self, tmp_path: Path) -> None:
        path = written(tmp_path / "limits.json", answer(bybit("AUSDT", LADDER)))
        table = tier_table(["AUSDT"], path)
        assert rows_of(table) == [*[tuple(map(float, row)) for row in LADDER[:2]], (inf, 0.05, 1_600, 10)]
        assert table.source == "limits.json: AUSDT"

    def test_several_pages_are_one_source(self, tmp_path: Path) -> None:
        pages = [answer(bybit("AUSDT", LADDER[:2])), answer(bybit("BUSDT", LADDER), bybit("AUSDT", LADDER)[2:])]
        table = tier_table(["BUSDT", "AUSDT"], written(tmp_path / "limits.json.gz", pages))
        assert rows_of(table, 0) == rows_of(table, 1)
        assert table.tiers["symbol"].tolist() == [0, 0, 0, 1, 1, 1]

    def test_brackets_in_ccxt_s_form_are_read_under_the_venue_s_names(self, tmp_path: Path) -> None:
        body = ccxt("A/USDT:USDT", LADDER) | ccxt("A/USDC:USDC", LADDER[:1]) | ccxt("A/USDT:USDT-260327", LADDER[:2])
        path = written(tmp_path / "brackets.json.gz", body)
        table = tier_table(["AUSDT", "AUSDC", "AUSDT-260327"], path)
        assert [len(rows_of(table, symbol)) for symbol in range(3)] == [3, 1, 2]

    def test_the_order_of_the_file_does_not_matter(self, tmp_path: Path) -> None:
        forwards = written(tmp_path / "a.json", answer(bybit("AUSDT", LADDER)))
        backwards = written(tmp_path / "b.json", answer(bybit("AUSDT", LADDER)[::-1]))
        assert rows_of(tier_table(["AUSDT"], forwards)) == rows_of(tier_table(["AUSDT"], backwards))

    def test_a_deduction_that_the_file_leaves_out_follows_from_the_tiers_below(self, tmp_path: Path) -> None:
        body = ccxt("A/USDT:USDT", LADDER)
        for entry in body["A/USDT:USDT"]:
            entry["info"] = {}
        table = tier_table(["AUSDT"], written(tmp_path / "tiers.json", body))
        assert [row[2] for row in rows_of(table)] == pytest.approx([0, 100, 1_600])

    def test_an_open_last_bracket_has_no_bound_to_tell_of(self, tmp_path: Path) -> None:
        body = ccxt("A/USDT:USDT", LADDER)
        body["A/USDT:USDT"][-1]["maxNotional"] = None
        assert tier_table(["AUSDT"], written(tmp_path / "tiers.json", body)).assumptions == ()


class TestStandIn:
    @pytest.fixture
    def brackets(self, tmp_path: Path) -> Path:
        return written(tmp_path / "brackets.json", ccxt("B/USDT:USDT", LADDER) | ccxt("BTC/USDT:USDT", LADDER))

    def test_it_serves_what_the_first_source_lacks_and_says_so(self, brackets: Path) -> None:
        table = tier_table(["BUSDT", "BTCUSDT"], BUILT_IN_NAME, brackets)
        assert rows_of(table, 0)[0] == (10_000, 0.01, 0, 50)
        assert rows_of(table, 1)[0] == (2_000_000, 0.005, 0, 100)
        assert table.source == "bybit-btcusdt-2026-08: BTCUSDT; brackets.json, standing in: BUSDT"
        assert table.assumptions[0] == "The risk tiers of BUSDT are another venue's, brackets.json, and stand in."

    def test_it_may_stand_alone(self, brackets: Path) -> None:
        assert tier_table(["BUSDT"], None, brackets).source == "brackets.json, standing in: BUSDT"

    def test_a_symbol_that_neither_has_is_named_with_the_remedy(self, brackets: Path) -> None:
        with pytest.raises(ConfigError, match=r"brackets\.json: no risk tiers of 'XUSDT'.*; name another file"):
            tier_table(["BUSDT", "XUSDT"], BUILT_IN_NAME, brackets)

    def test_without_a_stand_in_the_remedy_is_one(self) -> None:
        with pytest.raises(
            ConfigError,
            match=r"no risk tiers of 'ETHUSDT', only of BTCUSDT; name one that stands in with account\.tiers_st",
        ):
            tier_table(["ETHUSDT"], BUILT_IN_NAME)

    def test_without_any_source_the_key_is_named(self) -> None:
        with pytest.raises(ConfigError, match=r"account\.tiers is missing: no risk tiers of 'AUSDT'; name Bybit's"):
            tier_table(["AUSDT"], None)


class TestBadFiles:
    @pytest.mark.parametrize(
        ("rows", "words"),
        [
            (
                [LADDER[0], (50_000, 0.02, 90, 25)],
                "the deduction up to 50,000 is 90, but margin continues only with 100",
            ),
            ([(10_000, 0.01, 5, 50)], "the deduction up to 10,000 is 5, but margin continues only with 0"),
            ([LADDER[0], (50_000, 0.005, -50, 25)], "up to 50,000 is looser than the one below it (0.005 after 0.01"),
            (
                [LADDER[0], (50_000, 0.02, 100, 75)],
                "up to 50,000 is looser than the one below it (0.02 after 0.01, 75x",
            ),
            ([LADDER[0], (10_000, 0.02, 100, 25)], "the tier up to 10,000 is there twice"),
            ([(0, 0.01, 0, 50)], "the tier up to 0 has a rate of 0.01 and a leverage of 50, which cannot be"),
            ([(10_000, 0, 0, 50)], "has a rate of 0 and"),
            ([(10_000, 1.5, 0, 50)], "has a rate of 1.5 and"),
            ([(10_000, 0.01, 0, 0.5)], "a leverage of 0.5, which cannot be"),
        ],
    )
    def test_what_is_no_ladder_is_refused_by_both_forms(self, tmp_path: Path, rows: list[Row], words: str) -> None:
        body = ccxt("A/USDT:USDT", rows)
        if rows[-1][2] < 0:
            body["A/USDT:USDT"][-1]["info"] = {}
        for name, content in (("bybit.json", answer(bybit("AUSDT", rows))), ("ccxt.json", body)):
            if name == "bybit.json" and (len(rows) == 1 or rows[-1][2] < 0):
                continue
            with pytest.raises(DataError) as caught:
                tier_table(["AUSDT"], written(tmp_path / name, content))
            message = str(caught.value)
            assert f"{name}: tiers of 'AUSDT'" in message
            assert words in message
            assert message.endswith("; correct it or fetch the file again")
            assert "\n" not in message

    def test_a_bad_ladder_of_a_symbol_that_is_not_asked_for_does_not_matter(self, tmp_path: Path) -> None:
        body = answer(bybit("AUSDT", LADDER), bybit("BUSDT", [LADDER[0], LADDER[0]]))
        assert len(tier_table(["AUSDT"], written(tmp_path / "limits.json", body)).tiers) == 3

    @pytest.mark.parametrize("value", ["much", None, -1, True, "inf"])
    def test_a_figure_that_is_no_number_is_named(self, tmp_path: Path, value: Any) -> None:
        entries = bybit("AUSDT", LADDER)
        entries[1]["riskLimitValue"] = value
        with pytest.raises(DataError, match=r"limits\.json: tiers of 'AUSDT': riskLimitValue is .*, not a number >= 0"):
            tier_table(["AUSDT"], written(tmp_path / "limits.json", answer(entries)))

    @pytest.mark.parametrize("body", [{}, [], {"retCode": 10001, "result": {}}, {"symbol": "AUSDT"}, 7])
    def test_json_without_tiers_is_told_what_was_expected(self, tmp_path: Path, body: Any) -> None:
        with pytest.raises(DataError, match=r"other\.json: no risk tiers in it; expected Bybit's risk-limit answer or"):
            tier_table(["AUSDT"], written(tmp_path / "other.json", body))

    @pytest.mark.parametrize("content", [b"not json", b"\xff\xfe{}", b""])
    def test_what_is_no_json_is_told_so(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "tiers.json").write_bytes(content)
        with pytest.raises(DataError, match=r"tiers\.json: not JSON; expected"):
            tier_table(["AUSDT"], tmp_path / "tiers.json")

    @pytest.mark.parametrize("cut", [5, 15, 40])
    def test_a_torn_archive_is_told_so(self, tmp_path: Path, cut: int) -> None:
        path = written(tmp_path / "tiers.json.gz", answer(bybit("AUSDT", LADDER)))
        path.write_bytes(path.read_bytes()[:cut])
        with pytest.raises(DataError, match=r"tiers\.json\.gz: cannot be read"):
            tier_table(["AUSDT"], path)

    def test_a_missing_file_is_told_with_the_nearest_name(self, tmp_path: Path) -> None:
        written(tmp_path / "tiers.json", {})
        with pytest.raises(DataError, match=r"tier\.json: no such file of risk tiers; did you mean 'tiers\.json'\?"):
            tier_table(["AUSDT"], tmp_path / "tier.json")

    def test_a_misspelt_built_in_is_told_with_its_name(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="no such file of risk tiers; did you mean 'bybit-btcusdt-2026-08'"):
            tier_table(["BTCUSDT"], tmp_path / "bybit-btcusdt-2026-8")


@st.composite
def any_ladder(draw: st.DrawFn) -> list[Row]:
    n = draw(st.integers(1, 8))
    bounds = sorted(draw(st.sets(st.integers(1, 10**7), min_size=n, max_size=n)))
    rates = sorted(draw(st.lists(st.floats(0.001, 0.5), min_size=n, max_size=n)))
    leverages = sorted(draw(st.lists(st.integers(1, 150), min_size=n, max_size=n)), reverse=True)
    rows: list[Row] = []
    deduction = 0.0
    for k in range(n):
        if k:
            deduction += bounds[k - 1] * (rates[k] - rates[k - 1])
        rows.append((bounds[k], rates[k], deduction, leverages[k]))
    return rows


@given(any_ladder())
def test_every_ladder_by_the_rule_is_accepted_and_margin_is_continuous(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row]
) -> None:
    path = written(tmp_path_factory.mktemp("tiers") / "tiers.json", ccxt("A/USDT:USDT", rows))
    found = rows_of(tier_table(["AUSDT"], path))
    assert [row[1] for row in found] == [row[1] for row in rows]
    for (bound, rate, deduction, _), (_, next_rate, next_deduction, _) in itertools.pairwise(found):
        assert isclose(bound * rate - deduction, bound * next_rate - next_deduction, rel_tol=1e-6, abs_tol=1e-6)


class TestRecorded:
    def test_every_ladder_of_binance_is_one(self, recorded_data: Path) -> None:
        path = recorded_data / "fixtures/binance_usdm_leverage_tiers.json.gz"
        with gzip.open(path) as file:
            names = [name for name in json.load(file) if name.endswith(":USDT")]
        symbols = [name.replace("/", "").removesuffix(":USDT") for name in names]
        table = tier_table(symbols, path)
        assert len(symbols) > 600
        assert rows_of(table, symbols.index("BTCUSDT"))[:2] == [(300_000, 0.004, 0, 150), (800_000, 0.005, 300, 100)]

    def test_bybit_s_own_answer_is_one(self, recorded_data: Path) -> None:
        path = recorded_data / "fixtures/bybit_v5_risk_limit_BTCPERP_RVNUSDT_2025-12-29.json"
        table = tier_table(["RVNUSDT", "BTCPERP"], path)
        assert len(rows_of(table, 0)) == 19
        assert rows_of(table, 1)[1] == (1_000_000, 0.005, 100, 100)
