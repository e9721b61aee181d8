"""
An unmodified schemathesis asks the REST faces anything at all, right and wrong, signed and not.

Run by a test, in an environment of its own: ``python schemathesis_judge.py READY.json EXAMPLES SEED``; beside the ready
line lie the faces' descriptions. Every answer has the venue's shape, and a request that is refused has changed nothing.
Prints how often each endpoint has done and refused something as JSON.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from tests.judges.truth import Differs, Operator, State, arguments

ENVELOPE = {"retCode", "retMsg", "result", "retExtInfo", "time"}
SIGNATURES = ("right", "right", "right", "right", "none", "wrong", "late")
ACCOUNT = 0
SENSE = 3
"""What makes sense is asked so much oftener, because it gets further."""
LONGEST_LINE = 8_000
"""Of a request: longer ones are refused before it is known whose they are."""


def signature(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class Judge:
    """One client with one account's key, at one venue."""

    def __init__(self, ready: State, name: str, number: int) -> None:
        self.name, self.line = name, ready["venues"][name]
        self.operator, self.session = Operator(ready["operator_url"], name), requests.Session()
        self.key, self.secret = (self.line["keys"][ACCOUNT][part] for part in ("api_key", "api_secret"))
        self.dice, self.number = random.Random(number), number
        self.done: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        self.state = self.told()
        self.others = self.state["accounts"][1:]

    def told(self) -> State:
        state = self.operator.state()
        del state["n_sockets"]
        return state

    def sign(self, request: requests.PreparedRequest, how: str) -> None:
        """Sign a request as it will be sent; or wrongly, or too late."""
        stamp = str(int(time.time() * 1_000) - (60_000 if how == "late" else 0))
        url = str(request.url)
        query = url.partition("?")[2]
        body = request.body or b""
        text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
        if self.name == "bybit":
            signed = signature(self.secret, f"{stamp}{self.key}5000{query if request.method == 'GET' else text}")
            request.headers.update({
                "X-BAPI-API-KEY": self.key,
                "X-BAPI-TIMESTAMP": stamp,
                "X-BAPI-RECV-WINDOW": "5000",
                "X-BAPI-SIGN": signed if how != "wrong" else signed[::-1],
            })
            return
        query += f"{'&' if query else ''}timestamp={stamp}"
        signed = signature(self.secret, query + text)
        request.headers["X-MEXC-APIKEY"] = self.key
        request.url = f"{url.partition('?')[0]}?{query}&signature={signed if how != 'wrong' else signed[::-1]}"

    def ask(self, case: Any) -> None:
        """Send a request, and hold its answer and what it has changed against what may be."""
        request = self.session.prepare_request(requests.Request(**case.as_transport_kwargs(self.line["rest_url"])))
        how = self.dice.choice(SIGNATURES)
        if how != "none":
            self.sign(request, how)
        answer = self.session.send(request, timeout=10)
        sent = f"{request.method} {request.url} {str(request.body)[:500]} ({how})"
        is_done = self.is_done(answer, f"{sent}: {answer.status_code} {answer.text[:300]}")
        after = self.told()
        if not is_done and after != self.state:
            raise Differs(f"refused, and yet something has changed: {sent}")
        if after["accounts"][1:] != self.others:
            raise Differs(f"another account has changed: {sent}")
        self.state = after
        self.done[f"{case.operation.method.upper()} {case.operation.path}"][is_done] += 1

    def is_done(self, answer: requests.Response, sent: str) -> bool:
        """Tell whether a request was done; raises ``Differs`` for an answer of another shape than the venue's."""
        if answer.status_code == 400 and len(str(answer.request.url)) > LONGEST_LINE:
            return False
        if answer.status_code >= 500 or not answer.headers["Content-Type"].startswith("application/json"):
            raise Differs(f"no answer of a venue: {sent}")
        told = answer.json()
        if self.name == "bybit":
            if not isinstance(told, dict) or set(told) != ENVELOPE:
                raise Differs(f"no envelope: {sent}")
            return bool(answer.status_code == 200 and told["retCode"] == 0)
        if answer.status_code != 200 and set(told) != {"code", "msg"}:
            raise Differs(f"no error: {sent}")
        return bool(answer.status_code == 200)

    def fuzz(self, description: State, mode: GenerationMode, n_examples: int) -> None:
        """Ask each endpoint so often."""
        for found in schemathesis.openapi.from_dict(description).get_all_operations():
            operation = found.ok()
            test = settings(
                max_examples=n_examples,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )(given(case=operation.as_strategy(generation_mode=mode))(lambda case: self.ask(case)))  # noqa: PLW0108  # Hypothesis reads its name.
            try:
                seed(self.number)(test)()
            except Unsatisfiable:
                # Nothing can be wrong with an endpoint that takes nothing.
                continue


def main() -> None:
    ready, n_examples, number = arguments()
    described = json.loads(Path(sys.argv[1]).with_name("openapi.json").read_text())
    counts = {}
    for name, (sense, any_of_its_type) in described.items():
        judge = Judge(ready, name, number)
        judge.fuzz(sense, GenerationMode.POSITIVE, SENSE * n_examples)
        judge.fuzz(any_of_its_type, GenerationMode.POSITIVE, n_examples)
        judge.fuzz(any_of_its_type, GenerationMode.NEGATIVE, n_examples)
        counts[name] = judge.done
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
