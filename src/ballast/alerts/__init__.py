"""
How people hear of trouble.

Knows where alerts go. Promises that none is lost in silence and that one trouble does not drown the rest.
Refuses to decide what is worth an alert: whoever raises one does.
"""
