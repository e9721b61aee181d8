"""
The face of the local exchange that speaks MEXC's spot v3 protocol.

One table (``endpoints``) holds every REST endpoint with its parameters, weight and handler; pushes are Protocol Buffers
messages (``ballast.venues.mexc_push``). Promises the venue's field names, error codes and versions of books, as its
public documentation states them. Refuses what it does not have with an error of the venue's shape.
"""
