"""What libraries say through Python's ``logging``, into the same files."""

from __future__ import annotations

import logging

from ballast.logs.line import Level
from ballast.logs.operator_log import OperatorLog


class OperatorLogHandler(logging.Handler):
    """Hands records of Python's ``logging`` to the operator's log, with their traceback as a field."""

    def __init__(self, log: OperatorLog) -> None:
        super().__init__(log.root_level)
        self.log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; never raises, whatever its arguments are."""
        try:
            text = record.getMessage()
        except Exception as error:  # noqa: BLE001  # A caller's wrong format must not stop the caller.
            text = f"a message that cannot be formatted ({type(error).__name__})"
        fields = {} if record.exc_info is None else {"traceback": logging.Formatter().formatException(record.exc_info)}
        self.log.operator(_level(record.levelno), record.name, text, **fields)


def attach(log: OperatorLog, logger: logging.Logger | None = None) -> OperatorLogHandler:
    """
    Send what ``logger`` (the root logger if None) says to ``log``.

    There is one such handler at a time: an earlier one makes way.
    """
    target = logging.getLogger() if logger is None else logger
    for handler in list(target.handlers):
        if isinstance(handler, OperatorLogHandler):
            target.removeHandler(handler)
    handler = OperatorLogHandler(log)
    target.addHandler(handler)
    return handler


def _level(number: int) -> Level:
    return max((level for level in Level if level <= number), default=Level.DEBUG)
