# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Edit a flag in a variable of an options file: everything else keeps every byte.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

import re

from typing import Dict, List, NamedTuple, NoReturn, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._text import flag_text, options_text


class OptionsTextError(ValueError):
    """An assignment that has more than plain words and cannot be edited. ``line`` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def put_flag(text: str, variable: str, name: str, values: Sequence[str], *, shell: bool) -> str:
    """Return the text with the flag given, in the variable, for exactly these values. All other bytes stay.

    A variable that is empty or missing gets a new line at the end; a line that becomes empty is removed.

    :raises OptionsTextError: where an assignment has more than plain words.
    """
    before = _meaning(text, variable, name, shell=shell)
    after = _put(text, variable, name, values, shell=shell)
    if _meaning(after, variable, name, shell=shell) != before._replace(flags=list(values)):
        lines = [assignment.line for assignment in options_text.assignments(text, variable, shell=shell)]
        raise OptionsTextError(f"{variable} cannot be edited safely", lines[-1] if lines else 1)
    return after


class _Meaning(NamedTuple):
    """The flags and the other words of a variable, and the other variables of the file."""

    flags: List[str]
    words: str
    others: Dict[str, Optional[str]]


def _meaning(text: str, variable: str, name: str, *, shell: bool) -> _Meaning:
    """Return the meaning of the file, of which only the flags may change.

    :raises OptionsTextError: where it cannot be determined.
    """
    found = options_text.read_as_shell(text) if shell else options_text.read_as_systemd(text)
    value = found.pop(variable, options_text.Value("", 1))
    if value.text is None:
        _refuse_more_than_words(variable, value.line)
    words = " ".join(options_text.words_of(value.text))  # A shell gets the same words: only plain words are edited.
    flags = [flag.value for flag in flag_text.find(words, name)]
    others = {key: other.text for key, other in found.items()}
    return _Meaning(flags, flag_text.put(words, name, []), others)


def _refuse_more_than_words(variable: str, line: int) -> NoReturn:
    message = f"the value of {variable} is more than plain words, and its effect cannot be determined"
    raise OptionsTextError(message, line)


def _put(text: str, variable: str, name: str, values: Sequence[str], *, shell: bool) -> str:
    found = options_text.assignments(text, variable, shell=shell)
    spans = [_span_of_words(variable, assignment, shell=shell) for assignment in found]
    kept, missing = _divide([text[start:end] for start, end in spans], name, values)
    filled = [index for index, (start, end) in enumerate(spans) if text[start:end].strip()]
    if missing and not filled:
        flags = " ".join(f"{name}={value}" for value in missing)
        line = f'{variable}="{flags}"'
        return text + line + "\n" if not text or text.endswith("\n") else f"{text}\n{line}"
    for index, (start, end) in reversed(list(enumerate(spans))):
        words = flag_text.put(text[start:end], name, kept[index])
        if missing and index == filled[-1]:
            words = flag_text.put(words, name, [*kept[index], *missing])
        becomes_empty = not words.strip() and text[start:end].strip()
        if becomes_empty and _is_empty_without(text, variable, found[index], shell=shell):
            text = _without_line(text, found[index])
        else:
            text = text[:start] + _quoted_where_needed(text, start, words) + text[end:]
    return text


def _span_of_words(variable: str, assignment: options_text.Assignment, *, shell: bool) -> Tuple[int, int]:
    """Return the characters of the words of an assignment.

    :raises OptionsTextError: where it has more than plain words.
    """
    if assignment.words is None and assignment.refers and not shell:
        raise OptionsTextError(
            f"{variable} refers to itself, which systemd does not expand, so the engine does not start", assignment.line
        )
    if assignment.words is None:
        _refuse_more_than_words(variable, assignment.line)
    return assignment.words


def _divide(texts: Sequence[str], name: str, values: Sequence[str]) -> Tuple[List[List[str]], List[str]]:
    """Return the values that stay in each text, and those that must be added."""
    kept: List[List[str]] = []
    missing = list(values)
    for text in texts:
        kept.append([])
        for flag in flag_text.find(text, name):
            if missing and flag.value == missing[0]:
                kept[-1].append(missing.pop(0))
    return kept, missing


def _is_empty_without(text: str, variable: str, assignment: options_text.Assignment, *, shell: bool) -> bool:
    """Return whether the variable is empty without this assignment, so that its line can be removed."""
    reader = options_text.read_as_shell if shell else options_text.read_as_systemd
    value = reader(text[: assignment.start] + text[assignment.end :]).get(variable)
    return value is None or (value.text is not None and not value.text.strip())


def _without_line(text: str, assignment: options_text.Assignment) -> str:
    start, end = len(text[: assignment.start].rstrip(" \t")), assignment.end
    if end < len(text):
        return text[:start] + text[end + 1 :]
    return text[: max(start - 1, 0)]


def _quoted_where_needed(text: str, start: int, inner: str) -> str:
    """Return the words, in quotes where several replace one word without quotes."""
    return f'"{inner}"' if re.search(r"\s", inner) and text[start - 1] == "=" else inner
