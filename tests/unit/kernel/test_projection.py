"""An account's figures from its sums, and as they would be after a change that has not happened."""

from __future__ import annotations

import pytest

from ballast.kernel.margin import Legs
from ballast.kernel.projection import account_figures, figures_of, figures_with
from ballast.model.enums import MarginModel
from tests.unit.risk.accounts import margin_view


def test_figures_follow_from_the_sums() -> None:
    figures = figures_of(100.0, 20.0, 500.0, 30.0, 6.0)
    assert (figures.equity, figures.gross, figures.available) == (120.0, 500.0, 90.0)
    assert (figures.initial_margin, figures.maintenance_margin) == (30.0, 6.0)
    assert (figures.im_rate, figures.mm_rate) == (0.25, 0.05)


def test_what_getting_there_costs_is_gone_from_the_wallet() -> None:
    view = margin_view((2.0, 1.0), cash=100.0)
    assert figures_with(view, 0, Legs(0.0, 0.0, 0.0, 0.0), -7.0) == (93.0, 0.0, 0.0, 0.0, 93.0, 0.0, 0.0)
    assert figures_with(view, -1, Legs(9.0, 9.0, 9.0, 9.0), 0.0) == account_figures(view)


def test_sizes_count_at_the_rate_of_the_accounts_currency() -> None:
    """2 long and 1 short at 100, leverage 100, one quote unit worth half: margin 1.5 instead of 3."""
    view = margin_view((2.0, 1.0), cash=100.0, model=MarginModel.FX, rate=0.5)
    assert account_figures(view).initial_margin == pytest.approx(1.5)
