# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Options files such as C(/etc/default/docker), read as systemd or as a shell reads them, and edited as text.

Private to the collection C(pullthrough.docker): it may change at any time, without notice. Pure: it touches nothing.

The two readers differ where it hurts: a shell expands C(DOCKER_OPTS="${DOCKER_OPTS} --debug"), systemd does not, and hands
the engine the word C(${DOCKER_OPTS}), with which it does not start (seen on 20.10.24 and 26.1.5).
"""

from __future__ import annotations

import re
import shlex

from typing import Dict, Iterator, List, Match, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils import _flag_text

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
    for line, assignment in _logical_lines(text):
        match = _ASSIGNMENT.match(assignment)
        if match:
            found[match.group(1)] = Value(_unquoted(match.group(2).strip()), line)
    return found


def read_as_shell(text: str) -> Dict[str, Value]:
    """Variables that a shell would set from plain words and from variables of the same file; of the rest, that they are set."""
    found: Dict[str, Value] = {}
    for line, assignment in _logical_lines(text):
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
            words += words_of(_text_of(variables, name.group(1)))
        else:
            words.append(re.sub(r"\$\{(\w+)\}", lambda match: _text_of(variables, match.group(1)), word))
    return words


def words_of_shell(value: Value) -> List[str]:
    """The words that C(dockerd $NAME) becomes in a shell."""
    return (value.text or "").split()


def _text_of(variables: Dict[str, Value], name: str) -> str:
    return (variables[name].text if name in variables else None) or ""


def _logical_lines(text: str) -> Iterator[Tuple[int, str]]:
    """Lines with their numbers; one that ends with a backslash goes on in the next. No comments, no blank ones.

    What begins with a semicolon is a comment for systemd, and an error for a shell.
    """
    parts: List[str] = []
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if not parts and (not line.strip() or line.lstrip()[0] in "#;"):
            continue
        goes_on = line.endswith("\\")
        parts.append(line[:-1] if goes_on else line)
        if not goes_on or number == len(lines):
            yield number + 1 - len(parts), "".join(parts)
            parts = []


def _unquoted(value: str) -> str:
    lexer = shlex.shlex(value, posix=True)
    lexer.whitespace, lexer.commenters, lexer.whitespace_split = "", "", True
    try:
        return lexer.get_token() or ""
    except ValueError:  # A quote without its fellow.
        return value


def words_of(value: str) -> List[str]:
    """The words of a value, as systemd splits them: quotes hold words together."""
    try:
        return shlex.split(value)
    except ValueError:
        return value.split()


def _shell_value(source: str, known: Dict[str, Optional[str]]) -> Optional[str]:
    """The value of one assignment, or None where it takes more than quotes and variables of the same file."""
    value = re.fullmatch(r"""'([^']*)'|"([^"]*)"|([^\s"']*)""", re.sub(r"\s+#.*\Z", "", source.strip()))
    if not value:
        return None
    if value.group(1) is not None:
        return value.group(1)
    inner = value.group(2) or value.group(3) or ""
    if re.search(r"[`\\;|&<>]", inner):
        return None

    def text_of(variable: Match[str]) -> str:
        text = known.get(variable.group(1) or variable.group(2), "")
        return variable.group() if text is None else text

    expanded = _VARIABLE.sub(text_of, inner)
    return None if "$" in expanded else expanded


# -- editing ---------------------------------------------------------------------------------------------------------


class OptionsTextError(ValueError):
    """An assignment that is more than plain words, and that no shell is emulated for. C(line) counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class Assignment(NamedTuple):
    """An assignment of the variable that counts, and the characters of its logical line and of the words within its quotes.

    C(words) is None where it is more than plain words.
    """

    line: int
    start: int
    end: int
    source: str
    words: Optional[Tuple[int, int]]
    refers: bool


def assignments(text: str, variable: str, *, shell: bool) -> List[Assignment]:
    """The assignments that make the value of the variable, which is the last one, and for a shell those that it refers to."""
    found: List[Assignment] = []
    offsets = [0]
    for line in text.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))
    for number, source in _logical_lines(text):
        match = _ASSIGNMENT.match(source)
        if match and match.group(1) == variable:
            start = offsets[number - 1]
            assignment = _assignment(variable, number, start, source, shell=shell)
            on_one_line = text.startswith(source, start)
            found.append(assignment if on_one_line else assignment._replace(words=None))
    kept: List[Assignment] = []
    for assignment in reversed(found):
        kept.insert(0, assignment)
        if not (shell and assignment.refers):
            break
    return kept


def _assignment(variable: str, number: int, start: int, source: str, *, shell: bool) -> Assignment:
    tail = r"[ \t]*(?:(?<=\s)#.*)?" if shell else r"[ \t]*"
    match = re.match(rf"""\s*(?:export\s+)?{variable}=(?:(["'])(.*?)\1|([^\s"']*)){tail}\Z""", source)
    itself = re.compile(rf"\$(?:{variable}\b|\{{{variable}\}})")
    refers = bool(itself.search(source))
    words = None
    if match:
        group = 2 if match.group(1) else 3
        inner = match.group(group)
        # In single quotes a shell expands nothing, and systemd nowhere.
        expanded = shell and match.group(1) != "'"
        if all(_flag_text.is_plain(piece) for piece in (itself.split(inner) if expanded else [inner])):
            words = (start + match.start(group), start + match.end(group))
    return Assignment(number, start, start + len(source), source, words, refers)


def put_flag(text: str, variable: str, name: str, values: Sequence[str], *, shell: bool) -> str:
    """The text with the flag given, in the variable, for exactly these values. All other bytes stay.

    A variable that is empty or not there gets a line of its own at the end, which goes again when it holds nothing more.

    :raises OptionsTextError: where it takes an assignment that is more than plain words.
    """
    found = assignments(text, variable, shell=shell)
    left = list(values)
    spans: List[Tuple[int, int, str]] = []
    target = None
    for assignment in found:
        if assignment.words is None:
            if assignment.refers and not shell:
                raise OptionsTextError(f"{variable} refers to itself, which systemd does not expand, so that the engine does not start", assignment.line)
            raise OptionsTextError(f"the value of {variable} is more than plain words, and what becomes of it cannot be told", assignment.line)
        inner = text[slice(*assignment.words)]
        if inner.strip():
            target = assignment
        stays = []
        for flag in _flag_text.find(inner, name):
            if left and flag.value == left[0]:
                stays.append(left.pop(0))
        spans.append((*assignment.words, _flag_text.put(inner, name, stays)))
    if target is None and left:
        line = f'{variable}="{" ".join(f"{name}={value}" for value in left)}"'
        return text + line + "\n" if not text or text.endswith("\n") else f"{text}\n{line}"
    for assignment, (start, end, edited) in reversed(list(zip(found, spans))):
        kept = [flag.value for flag in _flag_text.find(edited, name)]
        put = _flag_text.put(edited, name, [*kept, *left]) if assignment is target else edited
        if not put.strip() and text[start:end].strip() and _is_empty_before(text, variable, assignment, shell=shell):
            text = _without_line(text, assignment)
        else:
            text = text[:start] + _quoted_where_needed(text, start, put) + text[end:]
    return text


def _is_empty_before(text: str, variable: str, assignment: Assignment, *, shell: bool) -> bool:
    """Whether the variable holds nothing without this assignment, so that its line can go."""
    reader = read_as_shell if shell else read_as_systemd
    value = reader(text[: assignment.start] + text[assignment.end :]).get(variable)
    return value is None or value.text == ""


def _without_line(text: str, assignment: Assignment) -> str:
    start, end = assignment.start, assignment.end
    if end < len(text):
        return text[:start] + text[end + 1 :]
    return text[: max(start - 1, 0)]


def _quoted_where_needed(text: str, start: int, inner: str) -> str:
    """Several words need quotes where one had none."""
    return f'"{inner}"' if re.search(r"\s", inner) and text[start - 1] == "=" else inner
