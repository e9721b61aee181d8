"""What clients say on the three sockets, and what they are answered; no connection here, only messages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ballast.venues.exchange.bybit.codes import Rejection
from ballast.venues.exchange.bybit.desk import Batch, Body, Desk
from ballast.venues.exchange.bybit.face import trade
from ballast.venues.exchange.bybit.private_stream import PrivateStream
from ballast.venues.exchange.bybit.public_stream import PublicStream, Subscriber
from ballast.venues.exchange.bybit.signing import caller_of_socket

LONGEST_ARGUMENTS = 21_000
REMEMBERED_REQUESTS = 1_000
LONGEST_REQUEST_ID = 36
DUPLICATE_REQUEST = 20006
_ECHOED = 64


class Conversation(ABC):
    """One socket's side of the talk; ``hear`` returns what to answer, in order."""

    def __init__(self, desk: Desk, number: int) -> None:
        self.desk = desk
        self.id = f"ballast-{number:08x}"

    def hear(self, text: str) -> list[bytes]:
        """Answer one frame; what is no message gets an error, and the talk goes on."""
        try:
            message = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return [self._failed("", {}, Rejection(10001, "error:the frame is not JSON"))]
        if not isinstance(message, dict) or not isinstance(message.get("op"), str):
            return [self._failed("", {}, Rejection(10001, "error:a message is an object with an op"))]
        try:
            return self._answer(message["op"], message)
        except Rejection as error:
            return [self._failed(message["op"], message, error)]

    @property
    def account(self) -> int | None:
        """Whose socket it is; None before it has signed in."""
        return None

    def refuse(self, text: str, error: Rejection) -> bytes:
        """Return the answer of a venue that does not do what a frame asks for."""
        message = msgspec.json.decode(text)
        return self._failed(message["op"], message, error)

    @abstractmethod
    def leave(self) -> None:
        """Forget the socket."""

    def overdue(self, wall_ms: int) -> str:  # noqa: ARG002  # The server's own patience is this venue's.
        """Return "": only the server closes a socket here."""
        return ""

    @abstractmethod
    def _answer(self, op: str, message: Mapping[str, Any]) -> list[bytes]:
        """Answer a message; raises ``Rejection``."""

    def _failed(self, op: str, message: Mapping[str, Any], error: Rejection) -> bytes:
        return self._encoded(message, {"success": False, "ret_msg": error.message, "op": op[:_ECHOED]})

    def _encoded(self, message: Mapping[str, Any], body: Body) -> bytes:
        request = message.get("req_id")
        echoed = {"req_id": request} if isinstance(request, str | int) and len(str(request)) <= _ECHOED else {}
        return msgspec.json.encode({**body, "conn_id": self.id, **echoed})


class PublicConversation(Conversation):
    """On the public socket."""

    def __init__(self, desk: Desk, number: int, stream: PublicStream, listener: Subscriber) -> None:
        super().__init__(desk, number)
        self._stream, self._listener = stream, listener

    def leave(self) -> None:
        """Forget the socket."""
        self._stream.unsubscribe(self._listener)

    def _topics(self, message: Mapping[str, Any]) -> Sequence[str]:
        names, most = topics_of(message), self.desk.category.most_topics
        if 0 < most < len(names):
            raise Rejection(10001, f"error:args size >{most}")
        return names

    def _answer(self, op: str, message: Mapping[str, Any]) -> list[bytes]:
        if op == "ping":
            return [self._encoded(message, {"success": True, "ret_msg": "pong", "op": "ping"})]
        done = self._encoded(message, {"success": True, "ret_msg": "", "op": op})
        if op == "subscribe":
            return [done, *self._stream.subscribe(self._listener, self._topics(message))]
        if op == "unsubscribe":
            self._stream.unsubscribe(self._listener, topics_of(message))
            return [done]
        raise Rejection(10404, "op type is not found")


class PrivateConversation(Conversation):
    """On the private socket."""

    def __init__(self, desk: Desk, number: int, stream: PrivateStream, listener: Subscriber) -> None:
        super().__init__(desk, number)
        self._stream, self._listener = stream, listener

    @property
    def account(self) -> int | None:
        """Whose socket it is; None before it has signed in."""
        return self._stream.account_of(self._listener)

    def leave(self) -> None:
        """Forget the socket."""
        self._stream.sign_out(self._listener)

    def _answer(self, op: str, message: Mapping[str, Any]) -> list[bytes]:
        done = self._encoded(message, {"success": True, "ret_msg": "", "op": op})
        if op == "ping":
            return [self._encoded(message, {"op": "pong", "args": [str(self.desk.wall_ms)]})]
        if op == "auth":
            key = caller_of_socket(arguments_of(message), self.desk.keys, self.desk.wall_ms)
            self._stream.sign_in(self._listener, key.account)
        elif op == "subscribe":
            self._stream.subscribe(self._listener, topics_of(message))
        elif op == "unsubscribe":
            self._stream.unsubscribe(self._listener, topics_of(message))
        else:
            raise Rejection(10404, "op type is not found")
        return [done]


class TradeConversation(Conversation):
    """On the trade socket: orders in, acknowledgements out."""

    def __init__(self, desk: Desk, number: int) -> None:
        super().__init__(desk, number)
        self._account: int | None = None
        self._requests: OrderedDict[str, None] = OrderedDict()

    @property
    def account(self) -> int | None:
        """Whose socket it is; None before it has signed in."""
        return self._account

    def _answer(self, op: str, message: Mapping[str, Any]) -> list[bytes]:
        if op == "ping":
            return [self._said(message, 0, "OK", {"op": "pong", "args": [str(self.desk.wall_ms)]})]
        if op == "auth":
            self._account = caller_of_socket(arguments_of(message), self.desk.keys, self.desk.wall_ms).account
            return [self._said(message, 0, "OK", {"op": "auth"})]
        if self._account is None:
            raise Rejection(10004, "Request not authorized")
        self._refuse_repeated(message)
        data = trade(self.desk, self._account, message)
        if isinstance(data, Batch):
            return [self._said(message, 0, "OK", {"op": op, "data": data.result, "retExtInfo": data.outcomes})]
        return [self._said(message, 0, "OK", {"op": op, "data": data})]

    def leave(self) -> None:
        """Do nothing: the socket hears only answers."""

    def _refuse_repeated(self, message: Mapping[str, Any]) -> None:
        request = message.get("reqId")
        if not isinstance(request, str) or not request:
            return
        if len(request) > LONGEST_REQUEST_ID:
            raise Rejection(10001, f"reqId is longer than {LONGEST_REQUEST_ID} characters")
        if request in self._requests:
            raise Rejection(DUPLICATE_REQUEST, "reqId is duplicate")
        self._requests[request] = None
        if len(self._requests) > REMEMBERED_REQUESTS:
            self._requests.popitem(last=False)

    def _failed(self, op: str, message: Mapping[str, Any], error: Rejection) -> bytes:
        return self._said(message, error.code, error.message, {"op": op[:_ECHOED], "data": {}})

    def _said(self, message: Mapping[str, Any], code: int, words: str, body: Body) -> bytes:
        request = message.get("reqId")
        echoed = {"reqId": request} if isinstance(request, str) and len(request) <= _ECHOED else {}
        header = {"Timenow": str(self.desk.wall_ms)}
        whole = {**echoed, "retCode": code, "retMsg": words, **body, "header": header, "connId": self.id}
        return msgspec.json.encode(whole)


def arguments_of(message: Mapping[str, Any]) -> list[object]:
    """Return a message's arguments; raises ``Rejection``."""
    arguments = message.get("args")
    if not isinstance(arguments, list):
        raise Rejection(10001, "error:args is not a list")
    return arguments


def topics_of(message: Mapping[str, Any]) -> Sequence[str]:
    """Return the topics that a message names; raises ``Rejection``."""
    names = arguments_of(message)
    if not names or not all(isinstance(name, str) for name in names):
        raise Rejection(10001, "error:args holds no topics")
    if sum(len(str(name)) for name in names) > LONGEST_ARGUMENTS:
        raise Rejection(10001, f"error:args are longer than {LONGEST_ARGUMENTS} characters")
    return [str(name) for name in names]
