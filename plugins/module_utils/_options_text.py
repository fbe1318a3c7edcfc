# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Options files such as C(/etc/default/docker), read as systemd or as a shell reads them.

Private to the collection C(pullthrough.docker): it may change at any time, without notice. Pure: it touches nothing.

The two readers differ where it hurts: a shell expands C(DOCKER_OPTS="${DOCKER_OPTS} --debug"), systemd does not, and hands
the engine the word C(${DOCKER_OPTS}), with which it does not start (seen on 20.10.24 and 26.1.5).
"""

from __future__ import annotations

import re
import shlex

from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)=(.*)\Z", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


class Value(NamedTuple):
    """What a variable holds after the whole file, and the line of its last assignment.

    C(text) is None where only a shell could tell, and no shell is emulated.
    """

    text: Optional[str]
    line: int


def read_as_systemd(text: str) -> Dict[str, Value]:
    """Variables of an C(EnvironmentFile=): quotes are taken off, nothing is expanded (systemd.exec(5))."""
    found: Dict[str, Value] = {}
    for line, assignment in _logical_lines(text, comments="#;"):
        match = _ASSIGNMENT.match(assignment)
        if match:
            found[match.group(1)] = Value(_unquoted(match.group(2).strip()), line)
    return found


def read_as_shell(text: str) -> Dict[str, Value]:
    """Variables that a shell would set from plain words and from variables of the same file; of the rest, that they are set."""
    found: Dict[str, Value] = {}
    for line, assignment in _logical_lines(text, comments="#"):
        match = _ASSIGNMENT.match(assignment)
        if not match:
            continue
        known = {name: value.text for name, value in found.items()}
        found[match.group(1)] = Value(_shell_value(match.group(2), known), line)
    return found


def words_of_systemd(argv: Sequence[str], variables: Dict[str, Value]) -> List[str]:
    """The words of an C(ExecStart=) with its variables in place: C($NAME) as a word of its own is split, C(${NAME}) is not."""
    words: List[str] = []
    for word in argv:
        name = re.fullmatch(r"\$(\w+)", word)
        if name:
            value = variables.get(name.group(1))
            words += _split(value.text or "") if value else []
        else:
            words.append(re.sub(r"\$\{(\w+)\}", lambda match: _text_of(variables, match.group(1)), word))
    return words


def words_of_shell(value: Value) -> List[str]:
    """The words that C(dockerd $NAME) becomes in a shell."""
    return (value.text or "").split()


def _text_of(variables: Dict[str, Value], name: str) -> str:
    value = variables.get(name)
    return (value.text or "") if value else ""


def _logical_lines(text: str, comments: str) -> Iterator[Tuple[int, str]]:
    """Lines with their numbers; one that ends with a backslash goes on in the next. No comments, no blank ones."""
    started = 0
    parts: List[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not parts:
            if not line.strip() or line.lstrip()[0] in comments:
                continue
            started = number
        if line.endswith("\\"):
            parts.append(line[:-1])
            continue
        yield started, "".join([*parts, line])
        parts = []
    if parts:
        yield started, "".join(parts)


def _unquoted(value: str) -> str:
    lexer = shlex.shlex(value, posix=True)
    lexer.whitespace, lexer.commenters, lexer.whitespace_split = "", "", True
    try:
        return lexer.get_token() or ""
    except ValueError:  # A quote without its fellow.
        return value


def _split(value: str) -> List[str]:
    try:
        return shlex.split(value)
    except ValueError:
        return value.split()


def _shell_value(source: str, known: Dict[str, Optional[str]]) -> Optional[str]:
    """The value of one assignment, or None where it takes more than quotes and variables of the same file."""
    value = re.sub(r"\s+#.*\Z", "", source.strip())
    quote = value[:1] if value[:1] in ("'", '"') else ""
    inner = value[1:-1] if quote and len(value) > 1 and value.endswith(quote) else value
    if (quote and (inner == value or quote in inner)) or (not quote and re.search(r"[\s'\"]", inner)):
        return None
    if quote == "'":
        return inner
    if re.search(r"[`\\;|&<>]|\$\(", inner):
        return None
    expanded = _VARIABLE.sub(lambda match: known.get(match.group(1) or match.group(2), "") or "", inner)
    return None if "$" in expanded else expanded
