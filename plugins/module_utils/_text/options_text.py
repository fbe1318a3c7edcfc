# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Options files such as /etc/default/docker, read as a shell and as systemd read them, and edited as text.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

import re
import shlex

from typing import Dict, Iterator, List, Match, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._text import flag_text

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_SPACE = re.compile(r"[ \t\r\n]*")
_KEY_OF_SYSTEMD = re.compile(r"[#;][^\r\n]*|[^=\r\n]*")
_OF_SYSTEMD = re.compile(rf"({_NAME})[ \t]*=(.*)\Z", re.DOTALL)
_OF_SHELL = re.compile(rf"[ \t]*(?:export[ \t]+)?({_NAME})=(.*)\Z", re.DOTALL)
_EXPORT = re.compile(rf"[ \t]*export(?:[ \t]+{_NAME})*[ \t]*\Z")
_VARIABLE = re.compile(rf"\$(?:\{{({_NAME})\}}|({_NAME}))")
_FLOW = re.compile(
    r"<<|\(\s*\)"
    r"|(?:^|[\s;&|({])(?:if|case|for|while|until|select|function|eval|source|exec|exit|return|\.|\{)(?=[\s;]|\Z)"
)
"""Shell syntax that decides whether other lines count."""

_VALUES_LIMIT = 1024 * 1024
"""Once the values of a file have this many characters together, no variable in it is expanded any more. Each line that
names a variable twice doubles it, so a short file could take all memory."""


class Value(NamedTuple):
    """The value of a variable after the whole file, and the line of its last assignment.

    ``text`` is None where only a shell could tell; no shell is emulated.
    """

    text: Optional[str]
    line: int


def read_as_systemd(text: str) -> Dict[str, Value]:
    """Return the variables of an ``EnvironmentFile=``: without quotes, nothing expanded (systemd.exec(5))."""
    found: Dict[str, Value] = {}
    for line, _start, source in _lines_of_systemd(text):
        match = _OF_SYSTEMD.match(source)
        if match:
            found[match.group(1)] = Value(_value_of_systemd(match.group(2), 0)[0], line)
    return found


def read_as_shell(text: str) -> Dict[str, Value]:
    """Return the variables that a shell would set. Values are known for plain words and variables of the same file."""
    found: Dict[str, Value] = {}
    is_readable, left = True, _VALUES_LIMIT
    for line, _start, source in _lines_of_shell(text):
        match = _OF_SHELL.match(source)
        value = _shell_value(match.group(2), found, max(left, 0)) if match and is_readable else None
        left -= len(value or "")
        if match:
            found[match.group(1)] = Value(value, line)
        if value is None and not _EXPORT.match(source):
            # A command may set whatever it names, and affect all that follows.
            found.update((name, Value(None, line)) for name in re.findall(_NAME, source))
            is_readable = is_readable and not _affects_later_lines(source)
    return found


def _affects_later_lines(command: str) -> bool:
    is_open = command.count("(") != command.count(")") or command.count("`") % 2 == 1
    return is_open or bool(_FLOW.search(command))


def words_of_systemd(argv: Sequence[str], variables: Dict[str, Value]) -> List[str]:
    """Return the words of an ``ExecStart=`` with its variables expanded (systemd.service(5)).

    ``$NAME`` as a word of its own is split, ``${NAME}`` is not, and ``$$`` is a dollar sign.
    """

    def expanded(match: Match[str]) -> str:
        return _text_of(variables, match.group(1)) if match.group(1) else "$"

    words: List[str] = []
    for word in argv:
        name = re.fullmatch(r"\$(\w+)", word)
        if name:
            words += words_of(_text_of(variables, name.group(1)))
        else:
            words.append(re.sub(r"\$(?:\$|\{(\w+)\})", expanded, word))
    return words


def words_of_shell(value: Value) -> List[str]:
    """Return the words that ``$NAME`` becomes in a shell command."""
    return re.findall(r"[^ \t\n]+", value.text or "")


def _text_of(variables: Dict[str, Value], name: str) -> str:
    return (variables[name].text if name in variables else None) or ""


def _lines_of_systemd(text: str) -> Iterator[Tuple[int, int, str]]:
    """Yield number, offset and text of each assignment, which may span lines (systemd src/basic/env-file.c)."""
    at, number, counted = 0, 1, 0
    while at < len(text):
        space = _SPACE.match(text, at)
        start = space.end() if space else at
        key = _KEY_OF_SYSTEMD.match(text, start)
        at = key.end() if key else start
        if text.startswith("=", at):
            _value, at = _value_of_systemd(text, at + 1)
            number, counted = number + text.count("\n", counted, start), start
            yield number, start, text[start:at]


def _value_of_systemd(text: str, at: int) -> Tuple[str, int]:
    """Return the value that begins here, without white space around it unless quoted or escaped, and its end."""
    value, length, quote, is_bare = "", 0, "", False
    while at < len(text) and (quote or text[at] not in "\r\n"):
        is_escaped = text[at] == "\\" and quote != "'"
        character = text[at : at + 1 + is_escaped]
        at += len(character)
        if is_escaped:
            following = "" if character[1:] in ("\n" if quote else "\r\n") else character[1:]
            value += following if not quote or following in tuple('"\\`$') or not following else character
            is_bare = not quote
        elif character == quote:
            quote = ""
        elif character in ("'", '"') and not is_bare and not quote:
            quote = character
        elif quote or is_bare or character not in " \t":
            value += character
            is_bare = not quote
        if quote or character not in " \t":
            length = len(value)
    return value[:length], at


def _lines_of_shell(text: str) -> Iterator[Tuple[int, int, str]]:
    """Yield number, offset and text of each line that is not a comment. Quotes and backslashes join lines."""
    start, at, number, quote, is_within_word = 0, 0, 1, "", False
    opened: List[bool] = []  # For each open parenthesis, whether it is part of a word, as in $(...).
    while at < len(text):
        character = text[at]
        at += 1
        if character == "\\" and quote != "'":
            at += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "#" and not is_within_word:
            end = text.find("\n", at)
            at = end if end >= 0 else len(text)
        if at < len(text) and (quote or character != "\n"):
            is_within_word = character not in " \t\n;&|()"
            if not quote and character == "(":
                opened.append(text[at - 2 : at - 1] == "$")
            elif not quote and character == ")" and opened:
                is_within_word = opened.pop()
            continue
        source = text[start:at].rstrip("\n")
        if source.strip() and not source.lstrip(" \t").startswith("#"):
            yield number, start, source
        number += text.count("\n", start, at)
        start, is_within_word = at, False


def words_of(value: str) -> List[str]:
    """Return the words of a value, as systemd splits them: quotes keep words together."""
    try:
        return shlex.split(value)
    except ValueError:
        return value.split()


def _shell_value(source: str, known: Dict[str, Value], limit: int) -> Optional[str]:
    """Return the value of an assignment, or None where it has more than quotes and variables of the same file.

    It is also None where the values of these variables have more characters than ``limit``.
    """
    lines, end, last = source.rpartition("\n")
    value = (lines + end + re.sub(r"(?<![ \t])[ \t]+#.*", "", last)).rstrip(" \t")
    quote = value[:1] if value[:1] in ("'", '"') else ""
    inner = value[1:-1] if quote and len(value) > 1 and value.endswith(quote) else value
    if (quote and (inner == value or quote in inner)) or (not quote and re.search(r"[\s'\"~]", inner)):
        return None
    if quote == "'":
        return inner
    inner = inner.replace("\\\n", "")
    names = [name for pair in _VARIABLE.findall(inner) for name in pair if name]
    if re.search(r"[`\\;|&<>]|\$\(", inner) or any(name in known and known[name].text is None for name in names):
        return None
    if sum(len(_text_of(known, name)) for name in names) > limit:
        return None
    expanded = _VARIABLE.sub(lambda match: _text_of(known, match.group(1) or match.group(2)), inner)
    return None if "$" in expanded else expanded


# -- editing ---------------------------------------------------------------------------------------------------------


class Assignment(NamedTuple):
    """An assignment that counts: the characters of its logical line, and of the words within its quotes.

    ``words`` is None where it has more than plain words. ``refers`` says whether it refers to its own variable.
    """

    line: int
    start: int
    end: int
    source: str
    words: Optional[Tuple[int, int]]
    refers: bool


def assignments(text: str, variable: str, *, shell: bool) -> List[Assignment]:
    """Return the assignments that make up the value: the last one, and for a shell those that it refers to."""
    found: List[Assignment] = []
    for number, start, source in _lines_of_shell(text) if shell else _lines_of_systemd(text):
        match = (_OF_SHELL if shell else _OF_SYSTEMD).match(source)
        if match and match.group(1) == variable:
            found.append(_assignment(variable, number, start, source, shell=shell))
    counting: List[Assignment] = []
    for assignment in reversed(found):
        counting.append(assignment)
        if not (shell and assignment.refers):
            break
    return counting[::-1]


def _assignment(variable: str, number: int, start: int, source: str, *, shell: bool) -> Assignment:
    lead, tail = (r"[ \t]*(?:export[ \t]+)?", r"[ \t]*(?:(?<=[ \t])#.*)?") if shell else ("", r"[ \t]*")
    match = re.match(rf"""{lead}{variable}=(?:(["'])(.*?)\1|([^\s"']*)){tail}\Z""", source)
    itself = re.compile(rf"\$(?:{variable}\b|\{{{variable}\}})")
    refers = bool(itself.search(source))
    words = None
    if match:
        group = 2 if match.group(1) else 3
        inner = match.group(group)
        # A shell expands nothing in single quotes, and systemd never does.
        expanded = shell and match.group(1) != "'"
        if all(flag_text.is_plain(piece) for piece in (itself.split(inner) if expanded else [inner])):
            words = (start + match.start(group), start + match.end(group))
    return Assignment(number, start, start + len(source), source, words, refers)
