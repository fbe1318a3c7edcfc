# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Connect to one of the addresses of a name, in the order and with the pauses of Go.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time

from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

FALLBACK_SECONDS = 0.3
"""After this time, Go also tries the addresses of the other family (net/dial.go, RFC 6555)."""

LEAST_SECONDS = 2.0
"""The least time that Go gives one of several addresses (net/dial.go partialDeadline)."""


class _Attempt(NamedTuple):
    sock: socket.socket
    found: Any
    ends: float


class _Family:
    """The addresses of one family, which are tried one after the other."""

    def __init__(self, addresses: Sequence[Any], starts: float, deadline: float) -> None:
        self._left = list(addresses)
        self._starts, self._deadline = starts, deadline
        self.attempt: Optional[_Attempt] = None

    def wakes(self) -> Optional[float]:
        """Return when this family must be looked at again, or None if it has no address left."""
        if self.attempt:
            return self.attempt.ends
        return self._starts if self._left else None

    def begin(self, now: float, *, other_is_over: bool) -> Optional[OSError]:
        """Begin with the next address if it is time, and return the error if that fails at once."""
        if self.attempt or not self._left or (now < self._starts and not other_is_over):
            return None
        left = self._deadline - now
        share = max(left / len(self._left), min(left, LEAST_SECONDS))
        found = self._left.pop(0)
        sock = socket.socket(*found[:3])
        sock.setblocking(False)
        self.attempt = _Attempt(sock, found, now + share)
        try:
            sock.connect(found[4])
        except BlockingIOError:
            pass
        except OSError as exc:
            self.end()
            return exc
        return None

    def settle(self, now: float, *, is_ready: bool) -> Tuple[Optional[_Attempt], Optional[OSError]]:
        """Return the attempt if it is connected, or the error if it failed."""
        attempt = self.attempt
        if attempt is None or (not is_ready and now < attempt.ends):
            return None, None
        code = attempt.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if is_ready else errno.ETIMEDOUT
        if code:
            self.end()
            return None, TimeoutError() if code == errno.ETIMEDOUT else OSError(code, os.strerror(code))
        self.attempt = None
        return attempt, None

    def end(self) -> None:
        if self.attempt:
            self.attempt.sock.close()
        self.attempt = None


def connect(addresses: Sequence[Any], deadline: float) -> Tuple[socket.socket, Any]:
    """Return a connected socket, and the address that accepted: the first of all families that does.

    :param addresses: of ``socket.getaddrinfo``.
    :param deadline: of ``time.monotonic``.
    :raises OSError: of the last address that failed, ``TimeoutError`` if none answered in time.
    """
    now = time.monotonic()
    first = [found for found in addresses if found[0] == addresses[0][0]]
    others = [found for found in addresses if found[0] != addresses[0][0]]
    families = [_Family(first, now, deadline), _Family(others, now + FALLBACK_SECONDS, deadline)]
    problem: OSError = TimeoutError() if addresses else OSError("its name has no address")
    try:
        while True:
            for family, other in zip(families, reversed(families)):
                problem = family.begin(time.monotonic(), other_is_over=other.wakes() is None) or problem
            wakes = [wake for wake in (family.wakes() for family in families) if wake is not None]
            if not wakes or time.monotonic() >= deadline:
                raise problem
            ready = _wait(families, min(*wakes, deadline) - time.monotonic())
            for family in families:
                is_ready = family.attempt is not None and family.attempt.sock in ready
                attempt, failed = family.settle(time.monotonic(), is_ready=is_ready)
                problem = failed or problem
                if attempt:
                    return attempt.sock, attempt.found
    finally:
        for family in families:
            family.end()


def _wait(families: Sequence[_Family], seconds: float) -> List[Any]:
    """Return the sockets of which the kernel knows by then whether they are connected."""
    with selectors.DefaultSelector() as selector:
        for family in families:
            if family.attempt:
                selector.register(family.attempt.sock, selectors.EVENT_WRITE)
        return [key.fileobj for key, _events in selector.select(max(seconds, 0))]
