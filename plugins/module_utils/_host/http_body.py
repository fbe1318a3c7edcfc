# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Read the body of an HTTP response within limits of size and time.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import http.client
import itertools
import json
import time
import zlib

from typing import Any, Dict, Iterator, Tuple

STRUCTURE_LIMIT = 100_000
"""The most brackets, braces, commas and colons of a JSON text that is parsed. Each costs more memory than its byte."""

DEPTH_LIMIT = 100
"""The most levels of a JSON text that is parsed."""

DIGITS_LIMIT = 19
"""The most digits of a number in a JSON text that is parsed. A signed number of 64 bits has no more."""

_GZIP = zlib.MAX_WBITS + 16
"""Makes ``zlib`` read the format of gzip."""

_STRUCTURE = b"[]{},:"
_NO_STRUCTURE = bytes(byte for byte in range(256) if byte not in _STRUCTURE)


class BodyError(Exception):
    """A body that cannot be read to its end within the limits."""


class TooLarge(BodyError):
    """A body that is larger than the limit."""


class TooSlow(BodyError):
    """A body that does not end before the deadline."""


def parts(response: http.client.HTTPResponse, *, deadline: float, limit: int) -> Iterator[bytes]:
    """Yield the body in parts, as it arrives.

    :param deadline: of ``time.monotonic``. It also ends a body that arrives byte by byte.
    :param limit: the largest size of the body in bytes.
    :raises TooLarge: if the body is larger than the limit.
    :raises TooSlow: if the body does not end before the deadline.
    """
    size = 0
    while True:
        if time.monotonic() >= deadline:
            raise TooSlow("the answer is too slow")
        if size > limit:
            raise TooLarge(f"the answer is larger than {limit} bytes")
        part = response.read1(65536)
        if not part:
            return
        size += len(part)
        yield part


def read(response: http.client.HTTPResponse, *, deadline: float, limit: int, is_cut: bool) -> bytes:
    """Return the body.

    :param is_cut: whether a body that is larger than the limit ends there. If not, ``TooLarge`` is raised.
    """
    body = bytearray()  # A list of many small parts would take many times the memory of their bytes.
    try:
        for part in parts(response, deadline=deadline, limit=limit):
            body += part
    except TooLarge:
        if not is_cut:
            raise
    return bytes(body)


def read_whole(response: http.client.HTTPResponse, *, deadline: float, limit: int, is_gzip: bool) -> Tuple[bytes, bool]:
    """Return the body, and whether it came to its end within the limit.

    :param is_gzip: whether the body is encoded. The limit then holds for the decoded body too.
    """
    body = bytearray()
    decoder = zlib.decompressobj(_GZIP) if is_gzip else None
    try:
        for part in parts(response, deadline=deadline, limit=limit):
            body += decoder.decompress(part, limit + 1 - len(body)) if decoder else part
            if len(body) > limit:
                return bytes(body), False
    except (TooLarge, http.client.IncompleteRead, ConnectionError, zlib.error):
        return bytes(body), False
    # Where the other side announced more, ``http.client`` ends without an error.
    return bytes(body), not response.length and (decoder is None or decoder.eof)


def json_object(body: bytes) -> Dict[str, Any]:
    """Return the JSON object in a body, or an empty dictionary if there is none within the limits."""
    if not _is_small(body):
        return {}
    try:
        value = json.loads(body, parse_int=_integer)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_small(text: bytes) -> bool:
    """Return whether a JSON text is within the limits. Characters in its strings count as well."""
    structure = text.translate(None, _NO_STRUCTURE)
    if len(structure) > STRUCTURE_LIMIT:
        return False
    steps = ((byte in b"[{") - (byte in b"]}") for byte in structure)
    return max(itertools.accumulate(steps), default=0) <= DEPTH_LIMIT


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > DIGITS_LIMIT:
        raise ValueError(f"a number has more than {DIGITS_LIMIT} digits")
    return int(digits)
