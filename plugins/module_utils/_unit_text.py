# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Units of systemd and their drop-ins, read and edited as text.

Private to the collection C(pullthrough.docker): it may change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

import re

from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

UnitFile = Tuple[str, str]
"""Path and text of a unit or of one of its drop-ins."""


class Setting(NamedTuple):
    """A setting of the section C(Service), and the characters of its value, which may go on over lines."""

    path: str
    key: str
    line: int
    start: int
    end: int
    value: str


def settings(path: str, text: str) -> Iterator[Setting]:
    """The settings of the section C(Service) of one file, in their order."""
    section = ""
    at, number = 0, 1
    for raw in _logical_lines(text):
        stripped = raw.strip()
        if stripped.startswith("["):
            section = stripped
        match = re.match(r"\s*([A-Za-z]+)\s*=[ \t]*(.*?)\s*\Z", raw, re.DOTALL)
        if match and section == "[Service]":
            yield Setting(path, match.group(1), number, at + match.start(2), at + match.end(2), match.group(2))
        at, number = at + len(raw), number + raw.count("\n")


def _logical_lines(text: str) -> Iterator[str]:
    """Lines with their ends; one that ends with a backslash goes on in the next, unless it is a comment."""
    parts: List[str] = []
    for line in text.splitlines(keepends=True):
        parts.append(line)
        is_comment = parts[0].lstrip().startswith(("#", ";"))
        if is_comment or not line.rstrip("\r\n").endswith("\\"):
            yield "".join(parts)
            parts = []
    if parts:
        yield "".join(parts)


def in_effect(key: str, files: Sequence[UnitFile]) -> List[Setting]:
    """The settings of this key that count: an empty one takes away all before it (systemd.service(5))."""
    found: List[Setting] = []
    for path, text in files:
        for setting in settings(path, text):
            if setting.key == key:
                found = [*found, setting] if setting.value else []
    return found


def command(files: Sequence[UnitFile]) -> Optional[Setting]:
    """The C(ExecStart) that counts, or None."""
    found = in_effect("ExecStart", files)
    return found[-1] if found else None


def on_one_line(value: str) -> str:
    """The value of a setting, with its lines joined."""
    return re.sub(r"[ \t]*\\\r?\n[ \t]*", " ", value)
