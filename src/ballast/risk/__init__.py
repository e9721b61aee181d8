"""
What may be sent: the ladder, what moves it, and what the engine itself does on its higher rungs.

Knows states, kinds of intent and the account's figures. Promises that a refusal is a value with a reason, that
nothing unknown loosens a guard, and that everything remembered stands in one record. Refuses to place orders:
it writes down which ones the engine should place.
"""
