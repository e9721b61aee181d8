"""
Programs that look after a position or an order once it exists.

Knows how a stop follows a profit and how closely a position must be watched. Promises pure state machines
over records, which any strategy can carry: a profit goes in, a decision comes out. Refuses to place, amend
or cancel anything itself: that is the caller's to ask for and the ladder's to judge.
"""
