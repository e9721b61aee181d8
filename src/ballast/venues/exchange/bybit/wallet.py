"""Wallets in the protocol's words: what an account is worth, and what it holds of each coin."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ballast.venues.exchange.accounts import figures
from ballast.venues.exchange.bybit.category import Category
from ballast.venues.exchange.bybit.wire import NOTHING, money
from ballast.venues.exchange.venue import LocalVenue

Row = dict[str, Any]


def wallet_row(
    venue: LocalVenue, account: int, category: Category, coins: Collection[str] = (), *, is_pushed: bool = False
) -> Row:
    """Return an account's money, and of ``coins``, or of all that it has any of, what it holds."""
    if category.is_spot:
        return _of_spot(venue, account, category, coins)
    row = _of_contracts(venue, account, category, is_pushed=is_pushed)
    row["coin"] = [one for one in row["coin"] if not coins or one["coin"] in coins]
    return row


def _of_contracts(venue: LocalVenue, account: int, category: Category, *, is_pushed: bool) -> Row:
    """Return margin and the one coin that it is paid in; what is pushed has no locked amount."""
    now = figures(venue, account)
    cash, profit = now.cash, now.equity - now.cash
    earned = now.realised_pnl - now.fees - now.funding_paid
    equity, wallet, unrealised = money(now.equity), money(cash), money(profit)
    initial, maintenance = money(now.initial_margin), money(now.maintenance_margin)
    coin = _coin(category.coin, equity, wallet, equity) | {
        "unrealisedPnl": unrealised,
        "cumRealisedPnl": money(earned),
        "totalOrderIM": money(now.orders_margin),
        "totalPositionIM": money(now.positions_margin),
        "totalPositionMM": maintenance,
        **({} if is_pushed else {"locked": "0"}),
    }
    rates = f"{min(now.im_rate, 9999.0):.8f}", f"{min(now.mm_rate, 9999.0):.8f}"
    return _row(equity, wallet, money(now.available), [coin]) | {
        "accountIMRate": rates[0],
        "accountMMRate": rates[1],
        "accountIMRateByMp": rates[0],
        "accountMMRateByMp": rates[1],
        "totalPerpUPL": unrealised,
        "totalInitialMargin": initial,
        "totalMaintenanceMargin": maintenance,
        "totalInitialMarginByMp": initial,
        "totalMaintenanceMarginByMp": maintenance,
    }


def _of_spot(venue: LocalVenue, account: int, category: Category, coins: Collection[str]) -> Row:
    """Return coins with what resting orders have locked; worth is told at the last prices, available is quote money."""
    prices = [venue.last_price(symbol) for symbol in range(len(venue.market.symbols))]
    by_coin = {listing.base: price for listing, price in zip(venue.market.listings, prices, strict=True)}
    holdings, rows = venue.spot.holdings(account), []
    for coin, (total, free, locked) in venue.spot.write(holdings).items():
        if coin in coins if coins else coin not in by_coin or holdings[coin].total:
            price = by_coin.get(coin, 1.0)
            worth = holdings[coin].total * price if price > 0.0 else 0.0
            rows.append(_coin(coin, total, total, money(worth)) | {"locked": locked, "free": free})
    equity = money(venue.spot.value(account, prices))
    return _row(equity, equity, money(holdings[category.coin].free), rows)


def _row(equity: str, wallet: str, available: str, coins: list[Row]) -> Row:
    """Return an account without margin."""
    return {
        "accountType": "UNIFIED",
        "accountIMRate": NOTHING,
        "accountMMRate": NOTHING,
        "accountIMRateByMp": NOTHING,
        "accountMMRateByMp": NOTHING,
        "accountLTV": "0",
        "totalEquity": equity,
        "totalWalletBalance": wallet,
        "totalMarginBalance": equity,
        "totalAvailableBalance": available,
        "totalPerpUPL": NOTHING,
        "totalInitialMargin": NOTHING,
        "totalMaintenanceMargin": NOTHING,
        "totalInitialMarginByMp": NOTHING,
        "totalMaintenanceMarginByMp": NOTHING,
        "coin": coins,
    }


def _coin(name: str, equity: str, wallet: str, worth: str) -> Row:
    """Return a coin without margin."""
    return {
        "coin": name,
        "equity": equity,
        "usdValue": worth,
        "walletBalance": wallet,
        "unrealisedPnl": NOTHING,
        "cumRealisedPnl": NOTHING,
        "totalOrderIM": NOTHING,
        "totalPositionIM": NOTHING,
        "totalPositionMM": NOTHING,
        "bonus": "0",
        "borrowAmount": "0",
        "spotBorrow": "0",
        "accruedInterest": "0",
        "availableToWithdraw": "",
        "availableToBorrow": "",
        "collateralSwitch": True,
        "marginCollateral": True,
        "spotHedgingQty": "0",
    }
