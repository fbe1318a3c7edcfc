# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Read the challenges of a registry, as engines do.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

import re

from typing import Dict, List, NamedTuple, Optional, Sequence

SCHEMES = ("basic", "bearer", "digest", "negotiate", "ntlm")
"""The schemes that are reported by name. All others are reported as ``other``."""

COUNT_LIMIT = 20
"""The most challenges of one answer that are read."""

_SCHEME = re.compile(r"\s*([^\s,]+)")

_PARAMETER = re.compile(r'(?<![\w-])([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))')
"""A parameter of a challenge. A match starts only where a word starts, so that the time of a search does not grow
with the square of the length."""


class Challenge(NamedTuple):
    """One challenge: its scheme and the names of its parameters are in lower case."""

    scheme: str
    parameters: Dict[str, str]


def parse(headers: Sequence[str]) -> List[Challenge]:
    """Return the challenges of all headers ``WWW-Authenticate``, one for each header.

    A header that holds several challenges counts as one of its first scheme (distribution
    client/auth/challenge/authchallenge.go, containerd remotes/docker/auth/parse.go).
    """
    found = []
    for header in headers[:COUNT_LIMIT]:
        scheme = _SCHEME.match(header)
        if scheme:
            values = _PARAMETER.findall(header, scheme.end())
            found.append(
                Challenge(scheme[1].lower(), {name.lower(): quoted or plain for name, quoted, plain in values})
            )
    return found


def bearer(found: Sequence[Challenge]) -> Optional[Challenge]:
    """Return the first challenge that asks for a token, or None."""
    return next((challenge for challenge in found if challenge.scheme == "bearer"), None)


def is_basic(found: Sequence[Challenge]) -> bool:
    """Return whether one of them asks for a user and password."""
    return any(challenge.scheme == "basic" for challenge in found)


def name(found: Sequence[Challenge]) -> str:
    """Return the scheme to report: ``bearer`` if there is one, else the first, ``other`` or ``none``."""
    if bearer(found):
        return "bearer"
    if not found:
        return "none"
    return found[0].scheme if found[0].scheme in SCHEMES else "other"
