"""
The one pipeline of every mode: observe, decide, act.

Knows the view that strategies see and the fold of events into it. Promises that the view never shows more
than has happened, and that equal events give equal bytes in every mode. Refuses to know who the venue is.
"""
