"""
Questions asked of runs: what happened, what might have, and whether it can be trusted.

Knows results and how to rerun them. Promises that every figure comes from a run of the one engine.
Refuses to trade.
"""
