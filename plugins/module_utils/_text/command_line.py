# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Flags in the words of a command line.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

from typing import List, Sequence


def flag_values(argv: Sequence[str], *names: str) -> List[str]:
    """Return the values of a flag, in order: ``--name value``, ``--name=value``, ``-n value``, ``-nvalue``."""
    values: List[str] = []
    words = iter(argv[1:])
    for word in words:
        for name in names:
            if word == name:
                values.append(next(words, ""))
            elif word.startswith(name + "="):
                values.append(word[len(name) + 1 :])
            elif len(name) == 2 and word.startswith(name):
                values.append(word[2:])
    return values


def has_flag(argv: Sequence[str], name: str) -> bool:
    """Return whether a flag is on a command line, with or without a value."""
    is_short = len(name) == 2
    return any(word == name or word.startswith(name if is_short else f"{name}=") for word in argv[1:])


def without_flag(argv: Sequence[str], name: str) -> List[str]:
    """Return the words of a command line without a flag and its values."""
    others: List[str] = []
    words = iter(argv)
    for word in words:
        if word == name:
            next(words, None)
        elif not word.startswith(f"{name}="):
            others.append(word)
    return others


def flags_besides(argv: Sequence[str], names: Sequence[str]) -> List[str]:
    """Return the flags of a command line except those of these names, each with the words that follow it."""
    flags: List[List[str]] = []
    for word in argv[1:]:
        if word.startswith("-") or not flags:
            flags.append([])
        flags[-1].append(word)
    return [" ".join(flag) for flag in flags if not any(has_flag(("", flag[0]), name) for name in names)]
