"""
Technical indicators, one bar at a time.

Knows each indicator's formula once, as a compiled update of a small record. Promises that the batch
functions are loops over that same update, so that both give the same bytes. Refuses to look at
anything but the bar it is handed: which bars, and when, is the engine's business.
"""
