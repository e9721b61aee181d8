"""
How far a market may run against a grid before each layer of protection fires, and before the money is gone.

Knows setups and how to rerun them on roads and paths of its own making. Promises that every figure is of the engine
with the real strategy; between the events that closed forms foretell it leaps, and a tick by tick run names the same
ticks. Refuses to say what a market will do.
"""

from ballast.research.survival.analysis import Survival, survive
from ballast.research.survival.page import write_page

__all__ = ["Survival", "survive", "write_page"]
