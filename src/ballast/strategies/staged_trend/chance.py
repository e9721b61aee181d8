"""
Leaving out some entries by chance, always the same ones.

The draw is a hash of (seed, symbol, decision): no state to save, no order to keep. It mixes 32 bits at a
time inside 64-bit integers, so that compiled code and the interpreter agree.

References: Appleby, MurmurHash3, 2011 (the finaliser and its constants).
"""

from __future__ import annotations

from ballast.model.compiled import compiled

BITS = 0xFFFF_FFFF
LOW_BITS = 0xFFFF
N_DRAWS = 4_294_967_296.0


@compiled(inline=True)
def times(value: int, factor: int) -> int:
    """Return the product of two numbers of 32 bits, modulo 2**32, without leaving 63 bits."""
    high = value * (factor >> 16) & LOW_BITS
    return (high << 16) + value * (factor & LOW_BITS) & BITS


@compiled
def mix(value: int) -> int:
    """Spread the bits of a number of 32 bits."""
    value ^= value >> 16
    value = times(value, 0x85EB_CA6B)
    value ^= value >> 13
    value = times(value, 0xC2B2_AE35)
    return value ^ value >> 16


@compiled
def draw(seed: int, symbol: int, decision: int) -> float:
    """Return a number in [0, 1), uniform over decisions, that these three alone determine."""
    bits = mix(seed & BITS ^ 0x9E37_79B9)
    bits = mix(bits ^ seed >> 32 & BITS)
    bits = mix(bits ^ symbol & BITS)
    bits = mix(bits ^ decision & BITS)
    return mix(bits ^ decision >> 32 & BITS) / N_DRAWS


@compiled
def is_left_out(drawn: float, factor: float) -> bool:
    """Tell whether a draw leaves an entry out: below ``factor``. 0 leaves out none."""
    return drawn < factor
