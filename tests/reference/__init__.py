"""
Second, independent implementations of the threshold cascade and of the tight range, and random markets for the cascade.

They know the strategies' rules and nothing of the engine: they import no Ballast module, so that an error in one of the
two cannot hide in the other. They favour clarity over speed and refuse what the rules do not cover.
"""
