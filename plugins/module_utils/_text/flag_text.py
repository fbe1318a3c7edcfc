# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Flags among the plain words of a command line in a file, found and edited as text.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

import re

from typing import List, NamedTuple, Sequence

_WORD = re.compile(r"(?:[^\s\\]|\\(?!\r?\n))+")
"""A word; a backslash before the end of a line only joins lines."""

_PLAIN = re.compile(r"(?:[\w./:=,@%+^\[\]-]|[ \t\n]|\\\r?\n)*\Z", re.ASCII)
"""Text that every reader takes as the words one sees: nothing in it is quoted, escaped or expanded."""


class Flag(NamedTuple):
    """A flag with its value, and the characters that hold both."""

    start: int
    end: int
    value: str


def is_plain(text: str) -> bool:
    """Return whether the text consists of plain words."""
    return bool(_PLAIN.match(text))


def find(text: str, name: str) -> List[Flag]:
    """Return the flags of this name, written ``--name=value`` or ``--name value``, in their order."""
    found = []
    words = _WORD.finditer(text)
    for word in words:
        if word.group() == name:
            value = next(words, None)
            found.append(Flag(word.start(), value.end() if value else word.end(), value.group() if value else ""))
        elif word.group().startswith(f"{name}="):
            found.append(Flag(word.start(), word.end(), word.group()[len(name) + 1 :]))
    return found


def put(text: str, name: str, values: Sequence[str]) -> str:
    """Return the text with this flag given for exactly these values, in this order.

    Flags that stay keep their place and form, and missing ones are added after them; a flag moves where the order
    requires it. Removing the added flags restores the text to the byte.
    """
    missing = list(values)
    at, removed = None, []
    for flag in find(text, name):
        if missing and flag.value == missing[0]:
            at = flag.end
            missing.pop(0)
        else:
            removed.append(flag)
    words = [word.end() for word in _WORD.finditer(text)]
    if at is None:
        at = words[-1] if words else 0
    added = " ".join(f"{name}={value}" for value in missing)
    if added:
        text = text[:at] + (" " if words else "") + added + text[at:]
    for flag in reversed(removed):
        shift = len(added) + 1 if added and flag.start >= at else 0
        text = _without(text, flag.start + shift, flag.end + shift)
    return text


def _without(text: str, start: int, end: int) -> str:
    """Return the text without a word and the space before it; for the first word, the space after it."""
    # Character by character: a search would try each blank of a long row as the first one.
    before = start
    while before and (text[before - 1].isspace() or _joins_lines(text, before - 1)):
        before -= 1
    if before:
        return text[:before] + text[end:]
    return re.sub(r"\A(?:\s|\\\r?\n)+", "", text[end:])


def _joins_lines(text: str, at: int) -> bool:
    return text[at] == "\\" and text.startswith(("\n", "\r\n"), at + 1)
