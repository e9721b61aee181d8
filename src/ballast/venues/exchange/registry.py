"""The venue's memory of orders: all of them, the live ones by account and symbol, and the ways to find one."""

from __future__ import annotations

from ballast.model.enums import QtyUnit
from ballast.venues.exchange.orders import Order, OrderRequest
from ballast.venues.exchange.refusals import Refusal, Refused


class Registry:
    """
    Every order of the session.

    Attributes
    ----------
    all : dict
        By number, oldest first; a number is never used twice, so orders refused at once leave gaps.
    by_kernel : dict
        By the kernel's id.
    n_orders : int
        How many there have been, those refused at once included.
    """

    def __init__(self) -> None:
        self.all: dict[int, Order] = {}
        self.by_kernel: dict[int, Order] = {}
        self._live: dict[tuple[int, int], dict[int, Order]] = {}
        self._of_symbol: dict[int, dict[int, Order]] = {}
        self._by_link: dict[tuple[int, str], Order] = {}
        self.n_orders = 0

    def new(self, account: int, symbol: int, request: OrderRequest, now_ns: int, last_price: float) -> Order:
        """Return a new order, live and remembered."""
        self.n_orders += 1
        order = Order(self.n_orders, account, symbol, request, now_ns, last_price)
        order.qty = request.qty if request.qty_unit == QtyUnit.BASE else 0.0
        order.price, order.trigger_price = request.price, request.trigger_price
        order.updated_ns = now_ns
        self.all[order.number] = order
        self._live.setdefault((account, symbol), {})[order.number] = order
        self._of_symbol.setdefault(symbol, {})[order.number] = order
        if request.link_id:
            self._by_link[account, request.link_id] = order
        return order

    def close(self, order: Order) -> None:
        """Count an order as live no more."""
        self._live[order.account, order.symbol].pop(order.number, None)
        self._of_symbol[order.symbol].pop(order.number, None)

    def forget(self, order: Order) -> None:
        """Let an order that was refused at once never have been; its link id is free again."""
        self.close(order)
        self.all.pop(order.number, None)
        self._by_link.pop((order.account, order.request.link_id), None)

    def live(self, account: int, symbol: int) -> list[Order]:
        """Return an account's orders of a symbol that may still fill, oldest first."""
        return list(self._live.get((account, symbol), {}).values())

    def of_symbol(self, symbol: int) -> list[Order]:
        """Return everybody's orders of a symbol that may still fill, oldest first."""
        return list(self._of_symbol.get(symbol, {}).values())

    def n_live(self, account: int, symbol: int) -> int:
        """Return how many orders of a symbol an account has that may still fill."""
        return len(self._live.get((account, symbol), ()))

    def n_live_of(self, account: int) -> int:
        """Return how many orders an account has that may still fill."""
        return sum(len(orders) for (owner, _), orders in self._live.items() if owner == account)

    def has_live(self, account: int) -> bool:
        """Tell whether an account has any live order."""
        return any(orders for (owner, _), orders in self._live.items() if owner == account)

    def has_link(self, account: int, link_id: str) -> bool:
        """Tell whether an account has used a link id."""
        return (account, link_id) in self._by_link

    def find(self, account: int, *, number: int | None = None, link_id: str = "") -> Order:
        """Return an order of an account by number, else by link id; raises ``Refused``."""
        order = self._by_link.get((account, link_id)) if number is None else self.all.get(number)
        if order is None or order.account != account:
            raise Refused(Refusal.UNKNOWN_ORDER)
        return order
