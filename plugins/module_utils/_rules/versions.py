# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Versions of Docker Engine.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

import re

from typing import Optional, Tuple

Version = Tuple[int, int, int]
"""Year or major, month or minor, patch: C((20, 10, 24)). Compares as versions do."""

HAS_VALIDATE: Version = (23, 0, 0)
"""Since this version ``dockerd --validate`` exists, names unknown keys, and the file may begin with a byte order mark
(moby cmd/dockerd/daemon.go)."""


def parse(text: str) -> Optional[Version]:
    """The first version in a text, such as C(20.10.24+dfsg1) or C(Docker version 26.1.5+dfsg1, build a72d7cd).

    :returns: None when there is none, as in C(dev), the version of an engine that someone built.
    """
    match = re.search(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})", text)
    return (int(match.group(1)), int(match.group(2)), int(match.group(3))) if match else None
