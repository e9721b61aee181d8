"""
Trading venues, spoken to in their own protocols.

Knows wire formats, limits and error codes. Promises that every answer is either decoded facts or one of
our errors. Refuses to retry an order by itself, and to know what the answers are for.
"""
