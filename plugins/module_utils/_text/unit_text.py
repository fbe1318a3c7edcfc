# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Units of systemd and their drop-ins, read as text.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

import re

from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

_CONTINUES = re.compile(r"(?<!\\)(?:\\\\)*\\\r?\n?\Z")

UnitFile = Tuple[str, str]
"""Path and text of a unit or of one of its drop-ins."""


class Setting(NamedTuple):
    """A setting of the section ``Service``, and the characters of its value, which may continue over several lines."""

    path: str
    key: str
    line: int
    start: int
    end: int
    value: str


def settings(path: str, text: str) -> Iterator[Setting]:
    """Yield the settings of the section ``Service`` of one file, in their order."""
    section = ""
    at, number = 0, 1
    for raw in _logical_lines(text):
        if raw.lstrip(" \t").startswith("["):
            section = on_one_line(raw)
        match = re.match(r"[ \t\r\n]*([A-Za-z]+)[ \t]*=[ \t]*", raw)
        if match and section == "[Service]":
            value = raw[match.end() :].rstrip(" \t\r\n")
            yield Setting(path, match.group(1), number, at + match.end(), at + match.end() + len(value), value)
        at, number = at + len(raw), number + raw.count("\n")


def _logical_lines(text: str) -> Iterator[str]:
    """Yield lines with their ends; a final backslash joins the next line that is no comment (systemd.syntax(7))."""
    parts: List[str] = []
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        parts.append(line)
        continues = len(parts) > 1 if _is_comment(line) else _CONTINUES.search(line)
        if not continues:
            yield "".join(parts)
            parts = []
    if parts:
        yield "".join(parts)


def in_effect(key: str, files: Sequence[UnitFile]) -> List[Setting]:
    """Return the settings of this key that count: an empty one resets all before it (systemd.service(5))."""
    found: List[Setting] = []
    for path, text in files:
        for setting in settings(path, text):
            if setting.key == key and on_one_line(setting.value):
                found.append(setting)
            elif setting.key == key:
                found = []
    return found


def command(files: Sequence[UnitFile]) -> Optional[Setting]:
    """Return the ``ExecStart`` that counts, or None."""
    found = in_effect("ExecStart", files)
    return found[-1] if found else None


def on_one_line(value: str) -> str:
    """Return the value of a setting on one line, without the comments between its lines."""
    first, *others = value.split("\n")
    lines = [line.rstrip("\r") for line in (first, *others) if line is first or not _is_comment(line)]
    parts = [(line[:-1] if _CONTINUES.search(line) else line).strip(" \t") for line in lines]
    return " ".join(filter(None, parts))


def _is_comment(line: str) -> bool:
    return line.lstrip(" \t").startswith(("#", ";"))
