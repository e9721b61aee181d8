"""
The face of the local exchange that speaks Bybit's V5 protocol, for linear USDT contracts, or spot, in unified accounts.

One table (``endpoints``) holds every REST endpoint with its parameters, rate limit and handler; the order entry of the
trade socket goes through the same. Promises the venue's field names, return codes and message order, as its public
documentation states them. Refuses what it does not have with an error of the venue's shape.
"""
