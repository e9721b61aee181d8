"""Listen keys: who may hear of an account over a socket, and for how long."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ballast.model.durations import HOUR_MS
from ballast.venues.exchange.mexc.codes import WRONG_PARAMETER, Rejection

LIFE_MS = HOUR_MS
MOST_KEYS = 60
"""Of one account, those that have ended not counted."""
MOST_SOCKETS = 5
"""On one key."""


@dataclass
class ListenKey:
    """One key: whose it is, until when, and how many sockets hear by it."""

    text: str
    account: int
    until_ms: int
    n_sockets: int = 0


class ListenKeys:
    """The keys of all accounts, by the wall's time."""

    def __init__(self) -> None:
        self._keys: dict[str, ListenKey] = {}
        self._n_made = 0

    def make(self, account: int, wall_ms: int) -> str:
        """Return a new key; raises ``Rejection`` where the account has as many as it may."""
        if len(self.of(account, wall_ms)) >= MOST_KEYS:
            raise Rejection(WRONG_PARAMETER, f"param is error: an account has up to {MOST_KEYS} listen keys")
        self._n_made += 1
        # Only this machine can ask; a key has to be long and new, not secret.
        text = hashlib.sha256(f"{account} {self._n_made} {wall_ms}".encode()).hexdigest()
        self._keys[text] = ListenKey(text, account, wall_ms + LIFE_MS)
        return text

    def of(self, account: int, wall_ms: int) -> list[str]:
        """Return an account's keys that live, oldest first."""
        return [one.text for one in self._living(wall_ms) if one.account == account]

    def extend(self, account: int, text: str, wall_ms: int) -> None:
        """Let a key live another hour from now; raises ``Rejection`` if it is none of the account's."""
        self._find(account, text, wall_ms).until_ms = wall_ms + LIFE_MS

    def end(self, account: int, text: str, wall_ms: int) -> None:
        """End a key, and with it its sockets; raises ``Rejection`` if it is none of the account's."""
        del self._keys[self._find(account, text, wall_ms).text]

    def end_all(self, account: int) -> int:
        """End all keys of an account, and with them their sockets; return how many there were."""
        ended = [text for text, key in self._keys.items() if key.account == account]
        for text in ended:
            del self._keys[text]
        return len(ended)

    def holder(self, text: str, wall_ms: int) -> ListenKey | None:
        """Return a key that lives; None for any other text."""
        key = self._keys.get(text)
        return key if key is not None and wall_ms < key.until_ms else None

    def _find(self, account: int, text: str, wall_ms: int) -> ListenKey:
        key = self.holder(text, wall_ms)
        if key is None or key.account != account:
            raise Rejection(WRONG_PARAMETER, "param is error: listenKey does not exist")
        return key

    def _living(self, wall_ms: int) -> list[ListenKey]:
        self._keys = {text: key for text, key in self._keys.items() if wall_ms < key.until_ms}
        return list(self._keys.values())
