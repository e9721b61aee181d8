"""
Files that survive: written whole or not at all.

The lowest of the edges: whoever writes to disk goes through it.
"""
