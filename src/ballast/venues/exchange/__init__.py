"""
The local exchange: the kernel behind sockets that speak the venues' own protocols on this machine.

``venue`` holds accounts, orders and a market and knows no protocol; a face (``bybit``) is a table of endpoints and
translations over it. Matching, ledger, margin, funding and liquidation are the kernel's. Promises that what clients
are told equals what the kernel holds. Refuses to listen anywhere but on the loopback.
"""
