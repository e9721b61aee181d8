"""What an order would do to its account: the kernel does it, is asked, and has never done it."""

from __future__ import annotations

from ballast.venues.exchange.orders import Order, OrderRequest, Trigger
from ballast.venues.exchange.refusals import OF_KERNEL, Refusal, Refused
from ballast.venues.exchange.steps import Money
from ballast.venues.exchange.venue import LocalVenue


def preview(venue: LocalVenue, account: int, request: OrderRequest) -> tuple[Money, Money]:
    """Return an account's figures before and after an order without condition; raises ``Refused``."""
    symbol = venue.check(account, request)
    if request.trigger != Trigger.NONE:
        raise Refused(Refusal.UNSUPPORTED)
    order = Order(0, account, symbol, request, venue.now_ns, venue.last_price(symbol))
    order.qty, order.price = request.qty, request.price
    before = venue.host.money(account)
    reason, after = venue.host.preview(order)
    if reason in OF_KERNEL:
        raise Refused(OF_KERNEL[reason])
    return before, after
