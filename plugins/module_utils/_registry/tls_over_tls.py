# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""TLS to a registry inside the TLS to a proxy.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import io
import ssl

from typing import Any, Callable, Dict, Optional


class TlsOverTls:
    """A TLS connection to a registry, through a TLS connection to a proxy. ``http.client`` uses it as a socket.

    ``SSLContext.wrap_socket`` cannot do this: it encrypts for a socket of the kernel, not for another connection.
    """

    def __init__(
        self, outer: ssl.SSLSocket, context: ssl.SSLContext, host: str, seconds_left: Callable[[], float]
    ) -> None:
        """Make the connection, and verify the certificate as the context says.

        :param seconds_left: returns the seconds until the deadline, or raises ``TimeoutError``. It limits each wait.
        """
        self._outer, self._seconds_left = outer, seconds_left
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._inner = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._limit = float("inf")
        self._files = 0
        self._is_closed = False
        self._do(self._inner.do_handshake)

    def settimeout(self, seconds: float) -> None:
        """Limit each wait to this time as well."""
        self._limit = seconds

    def getpeercert(self) -> Optional[Dict[str, Any]]:
        return self._inner.getpeercert()

    def version(self) -> Optional[str]:
        return self._inner.version()

    def sendall(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._do(self._inner.write, left) :]

    def recv_into(self, buffer: memoryview) -> int:
        try:
            count: int = self._do(self._inner.read, len(buffer), buffer)
        except ssl.SSLEOFError:  # Not announced by the other side, which ``SSLSocket`` ignores as well.
            return 0
        return count

    def makefile(self, _mode: str) -> io.BufferedReader:
        self._files += 1
        return io.BufferedReader(_File(self))

    def close(self) -> None:
        """Close the connection when no file needs it. ``http.client`` closes its socket before it reads the body."""
        self._is_closed = True
        if not self._files:
            self._outer.close()

    def _close_file(self) -> None:
        self._files -= 1
        if self._is_closed:
            self.close()

    def _do(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """Return the result of a step of the inner TLS, after all that it must send and receive first."""
        while True:
            try:
                result = step(*arguments)
            except ssl.SSLWantReadError:
                self._send()
                self._receive()
            else:
                self._send()
                return result

    def _send(self) -> None:
        data = self._outgoing.read()
        if data:
            self._outer.settimeout(min(self._seconds_left(), self._limit))
            self._outer.sendall(data)

    def _receive(self) -> None:
        self._outer.settimeout(min(self._seconds_left(), self._limit))
        data = self._outer.recv(65536)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()


class _File(io.RawIOBase):
    """What a connection receives, as an unbuffered file."""

    def __init__(self, connection: TlsOverTls) -> None:
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._connection.recv_into(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._connection._close_file()
