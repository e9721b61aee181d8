"""
From wanted positions to orders.

Knows targets and holdings. Promises one net order per symbol, never past the target. Refuses to choose
targets: that is a strategy's opinion.
"""
