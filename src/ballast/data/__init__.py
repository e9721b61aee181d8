"""
Market data at rest: where it lies, how it is read, checked, imported, made up and downloaded.

Knows files, tables and the catalog. Promises that what it hands on is what was recorded, with every row
that it left out or widened counted. Refuses to repair data silently, and to talk to a venue other than
through the port that it is given.
"""
