"""
What may be sent: the ladder and, later, its limits and guards.

Knows states and kinds of intent. Promises that a refusal is a value with a reason and that nothing
unknown loosens a guard. Refuses to place orders.
"""
