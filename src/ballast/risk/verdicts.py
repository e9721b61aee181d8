"""Every verdict of the filters by number: they share one row of numbers with ``Reason``, and travel like it."""

from __future__ import annotations

from collections.abc import Mapping

from ballast.model.enums import Reason
from ballast.risk.compliance import ComplianceVerdict
from ballast.risk.news import NewsVerdict
from ballast.risk.supervisor import SupervisorVerdict
from ballast.risk.symbol_policy import PolicyVerdict

_FILTERS = (NewsVerdict, ComplianceVerdict, SupervisorVerdict, PolicyVerdict)

VERDICTS: Mapping[int, str] = {int(one): one.name.lower() for kind in _FILTERS for one in kind if one}
"""What the filters say, by number; without the word for passing."""

NAMES: Mapping[int, str] = {**{int(one): one.name.lower() for one in Reason}, **VERDICTS}
"""Why an order did less than was asked: the venue's and the ladder's reasons, and the filters' verdicts."""

VETOES = frozenset({
    *VERDICTS,
    *(Reason.LADDER_FROZEN, Reason.LADDER_PANIC, Reason.LADDER_EMERGENCY, Reason.LADDER_HALTED),
    Reason.LADDER_GATE,
})
"""What is said before a request reaches the venue."""
