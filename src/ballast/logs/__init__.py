"""
What an operator reads afterwards: one root log, and one log per symbol and UTC day, each as text and as JSON.

Knows lines and files. Promises that one record is one line, that no secret is in it, and that a disk that fails stops
nothing. Refuses to be the truth: what must not be lost belongs into the journal.
"""
