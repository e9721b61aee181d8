"""
The engine against the kernel, and what came of it.

Knows how a run is driven, measured and summarised. Promises one definition of every figure. Refuses to
know venues, networks and wall clocks.
"""
