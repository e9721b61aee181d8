"""
Opinions, one module each.

Knows bars, indicators and its own holdings. Promises to be a pure function of what it is handed. Refuses
to know the venue, the ladder or the clock.
"""
