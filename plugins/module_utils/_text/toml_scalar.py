# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Strings, numbers, booleans and dates of TOML 1.0.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

import datetime
import re

from typing import List, Match, Optional, Tuple, Union

Scalar = Union[str, bool, int, float, datetime.datetime, datetime.date, datetime.time]

_CONTROL = r"\x00-\x08\x0a-\x1f\x7f"
COMMENT = re.compile(rf"#[^{_CONTROL}]*")
NEWLINE = re.compile(r"\r?\n")

_PLAIN = {'"': re.compile(rf'[^"\\{_CONTROL}]+'), "'": re.compile(rf"[^'{_CONTROL}]+")}
_ESCAPE = re.compile(r'\\(?:(?P<short>[btnfr"\\])|u(?P<four>[0-9A-Fa-f]{4})|U(?P<eight>[0-9A-Fa-f]{8}))')
_SHORT = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}
_LINE_END_ESCAPE = re.compile(r"\\[ \t]*\r?\n(?:[ \t]|\r?\n)*")

_WORD = re.compile(r"[A-Za-z0-9_+.:-]+")
_CONSTANTS = {"true": True, "false": False}
_DECIMAL = re.compile(r"[+-]?(?:0|[1-9](?:_?[0-9])*)\Z")
_OTHER_BASE = re.compile(r"0(?:x[0-9A-Fa-f](?:_?[0-9A-Fa-f])*|o[0-7](?:_?[0-7])*|b[01](?:_?[01])*)\Z")
_EXPONENT = r"[eE][+-]?[0-9](?:_?[0-9])*"
_FLOAT = re.compile(rf"[+-]?(?:(?:0|[1-9](?:_?[0-9])*)(?:\.[0-9](?:_?[0-9])*(?:{_EXPONENT})?|{_EXPONENT})|inf|nan)\Z")
_TIME_TEXT = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?"
_TIME = re.compile(rf"{_TIME_TEXT}\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_DATE_AND_TIME = re.compile(
    rf"(?P<year>[0-9]{{4}})-(?P<month>[0-9]{{2}})-(?P<day>[0-9]{{2}})[Tt ]{_TIME_TEXT}"
    r"(?P<offset>[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?\Z"
)
_SPACE_AND_TIME = re.compile(r" [0-9]{2}:[A-Za-z0-9_+.:-]*")
_LONGEST_INTEGER = len(str(-(2**63)))


class ScalarError(ValueError):
    """A scalar that is not TOML, and the offset of the fault."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


def read(text: str, start: int) -> Tuple[Scalar, int]:
    """Return the scalar that begins at ``start``, and where it ends.

    :raises ScalarError: when no scalar begins there, or it is not TOML.
    """
    for delimiter in ('"', "'"):
        if text.startswith(delimiter * 3, start):
            return _multi_line_string(text, start, delimiter)
        if text.startswith(delimiter, start):
            return string(text, start)
    word = _WORD.match(text, start)
    if not word:
        raise ScalarError(f"expected a value, found {shown(text, start)}", start)
    end = word.end()
    if _DATE.match(word.group()):
        time = _SPACE_AND_TIME.match(text, end)
        end = time.end() if time else end
    return _word(text[start:end], start), end


def string(text: str, start: int) -> Tuple[str, int]:
    """Return the string on one line that begins at ``start``, and where it ends.

    :raises ScalarError: when it is not TOML.
    """
    delimiter = text[start]
    parts: List[str] = []
    at = start + 1
    while True:
        plain = _PLAIN[delimiter].match(text, at)
        if plain:
            parts.append(plain.group())
            at = plain.end()
        if text.startswith(delimiter, at):
            return "".join(parts), at + 1
        if not text.startswith("\\", at):
            raise _string_fault(text, start, at)
        character, at = _escape(text, at)
        parts.append(character)


def shown(text: str, offset: int) -> str:
    """Return what an error may say of the text at ``offset``. A word is not shown: it can be a password."""
    found = text[offset : offset + 1]
    if not found:
        return "the end of the text"
    if NEWLINE.match(text, offset):
        return "the end of the line"
    if not found.isprintable():
        return f"the character U+{ord(found):04X}"
    return "a bare word" if _WORD.match(text, offset) else f"the character {found}"


# -- strings ---------------------------------------------------------------------------------------------------------


def _multi_line_string(text: str, start: int, delimiter: str) -> Tuple[str, int]:
    newline = NEWLINE.match(text, start + 3)
    at = newline.end() if newline else start + 3
    parts: List[str] = []
    while not text.startswith(delimiter * 3, at):
        plain = _PLAIN[delimiter].match(text, at)
        newline = NEWLINE.match(text, at)
        line_end = _LINE_END_ESCAPE.match(text, at) if delimiter == '"' else None
        if plain:
            parts.append(plain.group())
            at = plain.end()
        elif line_end:
            at = line_end.end()
        elif newline:
            parts.append("\n")
            at = newline.end()
        elif text.startswith(delimiter, at):
            parts.append(delimiter)
            at += 1
        elif text.startswith("\\", at):
            character, at = _escape(text, at)
            parts.append(character)
        else:
            raise _string_fault(text, start, at)
    at += 3
    # One or two quotes can stand directly before the three that end the string.
    extra = 2 if text.startswith(delimiter * 2, at) else 1 if text.startswith(delimiter, at) else 0
    return "".join(parts) + delimiter * extra, at + extra


def _escape(text: str, at: int) -> Tuple[str, int]:
    match = _ESCAPE.match(text, at)
    if not match:
        raise ScalarError("this escape is not TOML; in a path, write \\\\ for \\, or use single quotes", at)
    if match.group("short"):
        return _SHORT[match.group("short")], match.end()
    number = int(match.group("four") or match.group("eight"), 16)
    if 0xD800 <= number <= 0xDFFF or number > 0x10FFFF:
        raise ScalarError("this escape names no Unicode character", at)
    return chr(number), match.end()


def _string_fault(text: str, start: int, at: int) -> ScalarError:
    """Return the error for the character at which a string can neither go on nor end."""
    if at == len(text) or NEWLINE.match(text, at):
        return ScalarError("the string that begins here does not end", start)
    return ScalarError(f"{shown(text, at)} cannot be in a string; write it as an escape", at)


# -- words -----------------------------------------------------------------------------------------------------------


def _word(word: str, start: int) -> Scalar:
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    if _DECIMAL.match(word) or _OTHER_BASE.match(word):
        return _integer(word.replace("_", ""), start)
    if _FLOAT.match(word):
        return float(word.replace("_", ""))
    match = _DATE_AND_TIME.match(word)
    time = _TIME.match(word)
    try:
        if match:
            return datetime.datetime.combine(_date(word), _time(match), _zone(match.group("offset")))
        if time:
            return _time(time)
        if _DATE.match(word):
            return _date(word)
    except ValueError as exc:
        raise ScalarError("this date or time does not exist", start) from exc
    raise ScalarError("expected a value, found a bare word; a string needs quotes", start)


def _integer(digits: str, start: int) -> int:
    base = {"0x": 16, "0o": 8, "0b": 2}.get(digits[:2], 10)
    # The time that a long decimal number takes grows with the square of its length.
    number = int(digits, base) if base != 10 or len(digits) <= _LONGEST_INTEGER else None
    if number is None or not -(2**63) <= number < 2**63:
        raise ScalarError("this integer does not fit into 64 bits", start)
    return number


def _date(word: str) -> datetime.date:
    return datetime.date(int(word[:4]), int(word[5:7]), int(word[8:10]))


def _time(match: Match[str]) -> datetime.time:
    microseconds = int((match.group("fraction") or "")[:6].ljust(6, "0"))
    return datetime.time(int(match.group("hour")), int(match.group("minute")), int(match.group("second")), microseconds)


def _zone(offset: Optional[str]) -> Optional[datetime.timezone]:
    if offset is None:
        return None
    if offset in "Zz":
        return datetime.timezone.utc
    minutes = int(offset[1:3]) * 60 + int(offset[4:6])
    return datetime.timezone(datetime.timedelta(minutes=-minutes if offset[0] == "-" else minutes))
