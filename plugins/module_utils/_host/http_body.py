# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Read the body of an HTTP response within limits of size and time.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import http.client
import json
import time

from typing import Any, Dict, Iterator


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


def json_object(body: bytes) -> Dict[str, Any]:
    """Return the JSON object in a body, or an empty dictionary if there is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
