"""
What executions add up to, without rounding, and the kernel's money held against it.

With the decimals that clients are told, for every account and over all of them:

- (C1) figure == put in - sum(side * qty * price) - sum(fee) - sum(funding);
- (C2) sum of figures + fees + funding + the market's money == all that was put in;
- (C3) the coins of all accounts + the market's coins == 0.

``figure`` is the money of a spot account, and of a margin account its wallet less what its legs have cost (quantity
times entry price). The market's money is what it got less what it paid in fills that no other client stands behind.
All of that is exact. A kernel figure is a float: it has to lie within a quarter of the last unit that clients are told.
Where ticks times lots times fee rates have no more decimals than that, it stands for one amount without any doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from ballast.model.enums import AccountKind
from ballast.venues.exchange.venue import LocalVenue

TOLD_UNIT = Decimal("1e-8")
"""Of money in messages."""
NOISE = TOLD_UNIT / 4
"""By how much a float may differ."""


@dataclass(frozen=True)
class Deal:
    """One account's side of an execution, as it was told; ``number`` counts all executions of the venue."""

    number: int
    account: int
    symbol: str
    side: int
    qty: Decimal
    price: Decimal
    told_fee: Decimal
    is_maker: bool
    time_ms: int

    @property
    def cost(self) -> Decimal:
        """What it cost; negative for what it brought."""
        return self.side * self.qty * self.price


@dataclass
class Ledger:
    """What happened to the accounts, from what clients were told and the operator has put in."""

    fee_rates: Mapping[bool, Decimal]
    deals: Sequence[Deal]
    put_in: Sequence[Decimal]
    funding: Mapping[int, Decimal] = field(default_factory=dict)

    def fee(self, deal: Deal) -> Decimal:
        return deal.qty * deal.price * self.fee_rates[deal.is_maker]

    def expected(self, account: int) -> Decimal:
        """Return an account's figure by (C1)."""
        mine = [deal for deal in self.deals if deal.account == account]
        spent = sum((deal.cost + self.fee(deal) for deal in mine), Decimal(0))
        return self.put_in[account] - spent - self.funding.get(account, Decimal(0))


def pairs(deals: Iterable[Deal]) -> tuple[list[tuple[Deal, Deal]], list[Deal]]:
    """Return deals between clients, taker first, and those with the market: a match is told one after the other."""
    in_order = sorted(deals, key=lambda deal: deal.number)
    matched = [
        (taker, maker)
        for taker, maker in pairwise(in_order)
        if maker.is_maker and not taker.is_maker and is_match(taker, maker)
    ]
    inside = {deal.number for pair in matched for deal in pair}
    return matched, [deal for deal in in_order if deal.number not in inside]


def is_match(taker: Deal, maker: Deal) -> bool:
    same = [(one.symbol, one.qty, one.price, one.time_ms) for one in (taker, maker)]
    return same[0] == same[1] and taker.side == -maker.side and taker.account != maker.account


def figure(at: LocalVenue, account: int) -> Decimal:
    """Return the kernel's figure of an account, every float as it is."""
    cash = Decimal(float(at.record.accounts[account].cash))
    if at.setup.accounts[account].kind == AccountKind.SPOT:
        return cash
    n_legs = 2 * len(at.market.symbols)
    legs = at.record.positions[account * n_legs : (account + 1) * n_legs]
    held = [leg for leg in legs if leg.qty]
    return cash - sum((Decimal(float(leg.qty)) * Decimal(float(leg.entry_price)) for leg in held), Decimal(0))


def coins(at: LocalVenue, account: int, symbol: int) -> Decimal:
    """Return what an account holds of a symbol, all legs together, in whole lots; a hair beside one is a failure."""
    lot = step(at.market.listings[symbol].lot)
    first = 2 * (account * len(at.market.symbols) + symbol)
    held = sum((Decimal(float(leg.qty)) for leg in at.record.positions[first : first + 2]), Decimal(0))
    lots = (held / lot).to_integral_value()
    assert abs(held - lots * lot) < NOISE
    return lots * lot


def step(value: float) -> Decimal:
    return Decimal(f"{value:.10f}").normalize()


def assert_conserved(at: LocalVenue, ledger: Ledger) -> None:
    """Hold the kernel against what was told, by (C1), (C2) and (C3)."""
    accounts = range(len(ledger.put_in))
    figures = [ledger.expected(account) for account in accounts]
    assert max(abs(figure(at, account) - figures[account]) for account in accounts) < NOISE
    _, with_market = pairs(ledger.deals)
    fees = sum((ledger.fee(deal) for deal in ledger.deals), Decimal(0))
    paid = fees + sum(ledger.funding.values(), Decimal(0))
    market = sum((deal.cost for deal in with_market), Decimal(0))
    assert sum(figures, Decimal(0)) + paid + market == sum(ledger.put_in, Decimal(0))
    for symbol, name in enumerate(at.market.symbols):
        given = sum((deal.side * deal.qty for deal in with_market if deal.symbol == name), Decimal(0))
        assert sum((coins(at, account, symbol) for account in accounts), Decimal(0)) == given
    for deal in ledger.deals:
        assert abs(deal.told_fee - ledger.fee(deal)) <= TOLD_UNIT / 2
