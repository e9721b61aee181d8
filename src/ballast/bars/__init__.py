"""
From ticks to intervals.

Knows bars and ticks, no files. Promises that the same ticks make the same bars, whoever asks.
"""
