"""
A second, independent implementation of the threshold cascade, and random markets to compare it on.

It knows the cascade's numbered rules and nothing of the engine: it imports no Ballast module, so that an error in one
of the two cannot hide in the other. It favours clarity over speed and refuses what the rules do not cover.
"""
