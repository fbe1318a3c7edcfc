# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Write a new TOML text; or edit the tables of a text that have headers, and the keys before them: everything else
keeps every byte.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

import math
import re

from typing import Any, Dict, Iterator, List, Mapping, Match, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._text import toml_reader

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")
_TO_ESCAPE = re.compile(r'["\\\x00-\x1f\x7f]')
_BLANK_LINE = re.compile(r"[ \t]*\r?\n")


def new_text(values: Mapping[str, Any]) -> str:
    """Return a text with these values. Each table, and each table of a list of tables, gets a header of its own.

    :param values: as in ``insert_table``. They stay in their order, but a table comes after the other values beside it.
    :raises TomlTextError: when the text would not have exactly these values.
    """
    text = "\n".join(_sections("", (), values))
    if not _is_same(toml_reader.parse(text).root.value, dict(values)):
        raise toml_reader.TomlTextError("these values cannot be written as TOML", 1, 1)
    return text


def render(value: Any) -> str:
    """Return a value on one line."""
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(render, value))}]"
    if isinstance(value, dict):
        pairs = ", ".join(f"{_key(name)} = {render(inner)}" for name, inner in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return str(value)


def insert_table(
    text: str, path: Sequence[str], values: Mapping[str, Any], *, before: Optional[Sequence[str]] = None
) -> str:
    """Return the text with a new table, at the end or before the header of another table and the comment above it.

    :param values: str, bool, int, float, dates, or lists and dictionaries of those.
    :raises TomlTextError: when the text cannot be read, has this table already, or has no header for ``before``.
    """
    document = toml_reader.parse(text)
    newline = _newline(text)
    header = f"[{'.'.join(map(_key, path))}]"
    table = newline.join([header, *(f"{_key(name)} = {render(value)}" for name, value in values.items())])
    paths = [header.path for header in document.headers]
    if before is None:
        index, at = len(paths), len(text)
        if text and not text.endswith("\n"):
            inserted = newline * 2 + table
        else:
            inserted = (newline if text else "") + table + newline
    else:
        next_header = document.header(*before)
        if next_header is None:
            raise toml_reader.TomlTextError(f"no table has the header [{'.'.join(map(_key, before))}]", 1, 1)
        index = document.headers.index(next_header)
        at = _start_with_comment(document, index)
        inserted = table + newline * 2
    paths.insert(index, tuple(path))
    return _checked(text[:at] + inserted + text[at:], _with(document.root.value, path, values), paths)


def remove_table(text: str, path: Sequence[str]) -> str:
    """Return the text without a table and its subtables; unchanged where the table does not exist.

    It undoes, to the byte, the ``insert_table`` that added the table.

    :raises TomlTextError: when the text cannot be read, or the table is not written with headers.
    """
    document = toml_reader.parse(text)
    if document.find(*path) is None:
        return text
    removed = [header for header in document.headers if header.path[: len(path)] == tuple(path)]
    for header in reversed(removed):
        text = _without_section(text, header)
    paths = [header.path for header in document.headers if header not in removed]
    return _checked(text, _without(document.root, path), paths)


def set_key(text: str, name: str, value: Any) -> str:
    """Return the text with a key of the root set. A new key comes after the others, before the first header.

    :param value: as in ``insert_table``.
    :raises TomlTextError: when the text cannot be read, or the key cannot be set there.
    """
    document = toml_reader.parse(text)
    member = document.find(name)
    if member and _is_same(member.node.value, value):
        return text
    if member and member.node.kind not in toml_reader.CLOSED:
        raise _refusal()
    if member:
        changed = text[: member.node.start] + render(value) + text[member.node.end :]
    else:
        changed = _with_new_key(document, f"{_key(name)} = {render(value)}")
    wanted = {**document.root.value, name: value}
    return _checked(changed, wanted, [header.path for header in document.headers])


# -- places ----------------------------------------------------------------------------------------------------------


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _start_with_comment(document: toml_reader.Document, index: int) -> int:
    """Return where the line of a header begins, or the first line of the comment directly above it."""
    text = document.text
    last_end = document.headers[index - 1].content_end if index else document.root_end
    start = text.rfind("\n", 0, document.headers[index].start) + 1
    while start > last_end:
        line_above = text.rfind("\n", 0, start - 1) + 1
        if line_above < last_end or not text[line_above:start].lstrip(" \t").startswith("#"):
            break
        start = line_above
    return start


def _end_of_line(text: str, offset: int) -> int:
    end = text.find("\n", offset)
    return len(text) if end < 0 else end + 1


def _without_section(text: str, header: toml_reader.Header) -> str:
    """Return the text without a header, its keys, and one blank line: the one below, or above the end of the text."""
    start = text.rfind("\n", 0, header.start) + 1
    end = _end_of_line(text, header.content_end)
    below = _BLANK_LINE.match(text, end)
    if below:
        return text[:start] + text[below.end() :]
    if end < len(text):
        return text[:start] + text[end:]
    before = _without_last_blank_line(text[:start])
    if before and not text.endswith("\n"):
        before = re.sub(r"\r?\n\Z", "", before)
    return before


def _without_last_blank_line(text: str) -> str:
    """Return whole lines without the last one if it is blank."""
    start = text.rfind("\n", 0, len(text) - 1) + 1
    return text if text[start:].strip() else text[:start]


def _with_new_key(document: toml_reader.Document, line: str) -> str:
    text, newline = document.text, _newline(document.text)
    if document.root_end:
        at = _end_of_line(text, document.root_end)
        return text[:at] + (line + newline if text[:at].endswith("\n") else newline + line) + text[at:]
    if document.headers:
        at = _start_with_comment(document, 0)
        return text[:at] + line + newline * 2 + text[at:]
    return text + (newline if text and not text.endswith("\n") else "") + line + newline


# -- spelling --------------------------------------------------------------------------------------------------------


def _key(name: str) -> str:
    return name if _BARE_KEY.match(name) else _string(name)


def _string(value: str) -> str:
    return '"' + _TO_ESCAPE.sub(_escape, value) + '"'


def _escape(match: Match[str]) -> str:
    character = match.group()
    return f"\\{character}" if character in '"\\' else f"\\u{ord(character):04X}"


def _sections(header: str, path: Tuple[str, ...], table: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table with its header and its values that are no tables, and then each table below it."""
    below = {name: value for name, value in table.items() if _is_tables(value)}
    pairs = [f"{_key(name)} = {render(value)}\n" for name, value in table.items() if name not in below]
    # The headers of the tables below a plain table name it too.
    if pairs or not below or header.startswith("[["):
        yield "".join([header, *pairs])
    for name, value in below.items():
        inner_path = (*path, name)
        title = ".".join(map(_key, inner_path))
        if isinstance(value, list):
            for element in value:
                yield from _sections(f"[[{title}]]\n", inner_path, element)
        else:
            yield from _sections(f"[{title}]\n", inner_path, value)


def _is_tables(value: Any) -> bool:
    """Return whether a value is written with headers: a table, or a list of tables only."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(element, dict) for element in value)
    return isinstance(value, dict)


# -- proof -----------------------------------------------------------------------------------------------------------


def _with(root: Dict[str, Any], path: Sequence[str], values: Mapping[str, Any]) -> Dict[str, Any]:
    """Return a copy of plain tables with another table at a path.

    :raises TomlTextError: when the path leads through a value that is not a table.
    """
    if len(path) == 1:
        return {**root, path[0]: dict(values)}
    inner = root.get(path[0], {})
    if not isinstance(inner, dict):
        raise _refusal()
    return {**root, path[0]: _with(inner, path[1:], values)}


def _without(table: toml_reader.Node, path: Sequence[str]) -> Dict[str, Any]:
    """Return the value of a table without a path in it, and without the tables that only this path named."""
    value: Dict[str, Any] = table.value
    node = table.members[path[0]].node
    inner = _without(node, path[1:]) if len(path) > 1 else {}
    if inner or (len(path) > 1 and node.kind is not toml_reader.Kind.NAMED):
        value[path[0]] = inner
    else:
        del value[path[0]]
    return value


def _checked(text: str, wanted: Dict[str, Any], paths: List[Tuple[str, ...]]) -> str:
    """Return the new text if it has exactly the wanted values, and its headers in the wanted order.

    :raises TomlTextError: otherwise, for example because the table is not written with a header.
    """
    document = toml_reader.parse(text)
    if [header.path for header in document.headers] != paths or not _is_same(document.root.value, wanted):
        raise _refusal()
    return text


def _refusal() -> toml_reader.TomlTextError:
    return toml_reader.TomlTextError("this text cannot be edited safely; edit it by hand", 1, 1)


def _is_same(one: Any, other: Any) -> bool:
    """Return whether two values are equal and of the same types. A number that is none equals itself."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    are_none = isinstance(one, float) and math.isnan(one) and math.isnan(other)
    return bool(one == other or are_none)
