"""What linear perpetuals have beside bars: funding and risk tiers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ballast.model.instrument import Tier
from ballast.model.market import FundingStamp


@dataclass(frozen=True)
class Contracts:
    """
    Funding and risk tiers of a run's symbols.

    Attributes
    ----------
    funding : recarray of FundingStamp
        Ascending by time and then symbol; empty where none is paid.
    tiers : recarray of Tier
        Ascending by symbol and then ``upper_value``.
    tiers_source : str
        Where the tiers of which symbols come from, in words; empty if there are none.
    assumptions : tuple of str
        What is taken for granted where something is missing, in sentences.
    """

    funding: Any
    tiers: Any
    tiers_source: str = ""
    assumptions: tuple[str, ...] = ()

    def content(self) -> bytes:
        """Return the figures as bytes, for a hash."""
        return b"".join(np.ascontiguousarray(part).tobytes() for part in (self.funding, self.tiers))


NO_CONTRACTS = Contracts(FundingStamp.array(0), Tier.array(0))  # type: ignore[attr-defined]
