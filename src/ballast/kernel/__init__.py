"""
What a venue does: orders, matching, fees, the path inside a bar, the ledger.

Knows prices, orders and accounts, never a strategy. Promises that money is conserved, that nothing fills
at a price that was not there, and that the same input gives the same bytes. ``docs/fills.md`` says what
each fill means.
"""
