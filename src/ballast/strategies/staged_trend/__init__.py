"""
Staged trend following: join a trend, and add to it while it is young and goes well.

Knows the signal, its quality, what an entry costs, when a further trade on a symbol may join the first, how
large it may be and where its stop must stand. Promises pure functions, each refusal with its own reason in a
fixed order. Refuses what it cannot compute: an unknown quality, price, tick value or profit opens nothing.
"""
