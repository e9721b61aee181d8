"""
The vocabulary that everything else is made of.

Knows enums, instruments, records, intents, events, errors, identifiers, units and the one door to
Numba. Promises that each word has one definition. Refuses I/O, clocks, dice and logs; the only
module that touches files is ``compiled``, for its cache.
"""
