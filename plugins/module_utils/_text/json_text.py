# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Edit members of a JSON text: everything else keeps every byte.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

import json

from typing import Any, Iterator, List, NamedTuple, Sequence

from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader


def set_member(text: str, path: Sequence[str], value: Any) -> str:
    """Return the text with the member at a path of keys set, in the style of the text.

    A value that changes keeps its layout, and list elements that stay keep their spelling. A new member comes last.

    :param value: None, bool, str, ``Number``, or lists and dictionaries of those.
    :raises JsonTextError: when the text cannot be read, or a key before the last one exists and is not an object.
    """
    document = json_reader.parse(text)
    parent = document.root
    for depth, key in enumerate(path):
        member = parent.members.get(key)
        if member is None:
            for inner in reversed(path[depth + 1 :]):
                value = {inner: value}
            return _checked(document, path[: depth + 1], _insert(document, parent, key, value, depth), value)
        if depth == len(path) - 1:
            break
        parent = member.node
        if not isinstance(parent.value, dict):
            raise json_reader.JsonTextError(f'"{key}" is not an object', *document.position(parent.start))
    node = parent.members[path[-1]].node
    if json_reader.is_same(node.value, value):
        return text
    return _checked(document, path, _replace(document, node, value), value)


def remove_member(text: str, path: Sequence[str]) -> str:
    """Return the text without the member at a path of keys; unchanged where the member does not exist.

    It undoes, to the byte, the ``set_member`` that added the member.

    :raises JsonTextError: when the text cannot be read.
    """
    document = json_reader.parse(text)
    parent = document.find(*path[:-1])
    if parent is None or path[-1] not in parent.members:
        return text
    keys = list(parent.members)
    index = keys.index(path[-1])
    member = parent.members[path[-1]]
    if len(keys) == 1:
        start, end = parent.start + 1, member.node.end
    elif index == len(keys) - 1:
        start, end = text.index(",", parent.members[keys[index - 1]].node.end), member.node.end
    else:
        start, end = member.key_start, parent.members[keys[index + 1]].key_start
    return _checked(document, path, text[:start] + text[end:], _ABSENT)


# -- writing ---------------------------------------------------------------------------------------------------------


class _Style(NamedTuple):
    """How a text is laid out. ``newline`` is empty for a text on one line."""

    newline: str
    unit: str
    colon: str
    comma: str
    lists_on_lines: bool


def _style(document: json_reader.Document) -> _Style:
    text, root = document.text, document.root
    first = next(iter(root.members.values()), None)
    lead = text[root.start + 1 : first.key_start if first else root.end]
    newline = _newline(text) if "\n" in lead else ""
    unit = lead.rpartition("\n")[2] if newline and first else "  "
    colon = text[first.key_end : first.node.start] if first else ": "
    if "\n" in colon:
        colon = ": "
    lists = [node for node in _arrays(root) if node.elements]
    lists_on_lines = bool(newline) and (not lists or "\n" in text[lists[0].start : lists[0].end])
    return _Style(newline, unit, colon, "," if colon.endswith(":") else ", ", lists_on_lines)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _arrays(node: json_reader.Node) -> Iterator[json_reader.Node]:
    for member in node.members.values():
        if isinstance(member.node.value, list):
            yield member.node
        yield from _arrays(member.node)


def _insert(document: json_reader.Document, parent: json_reader.Node, key: str, value: Any, depth: int) -> str:
    """Return the text with a new last member, placed so that removing it restores the text."""
    text, style = document.text, _style(document)
    members = list(parent.members.values())
    if members:
        last = members[-1]
        before = text[: last.key_start]
        space = before[len(before.rstrip()) :]
        on_lines = "\n" in space
        indent = space.rpartition("\n")[2]
        if len(members) == 1:
            space = style.comma[1:]
        at, comma = last.node.end, ","
    else:
        space = text[parent.start + 1 : parent.end - 1]
        on_lines = "\n" in space
        indent = style.unit * (depth + 1)
        at, comma = parent.start + 1, ""
    newline = _newline(text) if on_lines else ""
    if on_lines:
        space = newline + indent
    style = style._replace(newline=newline, lists_on_lines=on_lines and (style.lists_on_lines or not style.newline))
    return text[:at] + comma + space + _spelled(key) + style.colon + _render(value, style, indent) + text[at:]


def _replace(document: json_reader.Document, node: json_reader.Node, value: Any) -> str:
    """Return the text with another value in place of a node."""
    text, style = document.text, _style(document)
    if isinstance(value, list) and value and node.elements:
        rendered = _render_over(text, node, value, style)
    else:
        line = text[: node.start].rpartition("\n")[2]
        rendered = _render(value, style, line[: len(line) - len(line.lstrip())])
    return text[: node.start] + rendered + text[node.end :]


def _render_over(text: str, node: json_reader.Node, value: List[Any], style: _Style) -> str:
    """Return a list in the layout of the list that it replaces; elements that stay keep their spelling."""
    elements = node.elements
    opening = text[node.start + 1 : elements[0].start]
    closing = text[elements[-1].end : node.end - 1]
    separators = [text[one.end : two.start] for one, two in zip(elements, elements[1:])]
    separator = separators[-1] if separators else "," + opening if "\n" in opening else style.comma
    indent = opening.rpartition("\n")[2]
    rendered: List[str] = []
    stays = True
    for index, item in enumerate(value):
        stays = stays and index < len(elements) and json_reader.is_same(elements[index].value, item)
        same = (element for element in elements if json_reader.is_same(element.value, item))
        known = elements[index] if stays else next(same, None)
        if index:
            rendered.append(separators[index - 1] if stays else separator)
        rendered.append(text[known.start : known.end] if known else _render(item, style, indent))
    return f"[{opening}{''.join(rendered)}{closing}]"


def _render(value: Any, style: _Style, indent: str) -> str:
    if isinstance(value, json_reader.Number):
        return value.text
    if not isinstance(value, (list, dict)) or not value:
        return _spelled(value)
    on_lines = style.lists_on_lines if isinstance(value, list) else bool(style.newline)
    inner = indent + style.unit
    if isinstance(value, list):
        items = [_render(item, style, inner) for item in value]
    else:
        items = [_spelled(key) + style.colon + _render(item, style, inner) for key, item in value.items()]
    opening, closing = "[]" if isinstance(value, list) else "{}"
    if not on_lines:
        return opening + style.comma.join(items) + closing
    return opening + style.newline + inner + f",{style.newline}{inner}".join(items) + style.newline + indent + closing


def _spelled(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


# -- proof -----------------------------------------------------------------------------------------------------------

_ABSENT = object()


def _checked(document: json_reader.Document, path: Sequence[str], text: str, value: Any) -> str:
    """Return the new text if it has exactly the wanted value at the path, and every other member byte for byte.

    :raises JsonTextError: otherwise; that would be a bug in this file, and no change is better than a wrong one.
    """
    changed = json_reader.parse(text)
    node = changed.find(*path)
    is_set = node is None if value is _ABSENT else node is not None and json_reader.is_same(node.value, value)
    if not is_set or _others(document, path) != _others(changed, path):
        raise json_reader.JsonTextError("this text cannot be edited safely; edit it by hand", 1, 1)
    return text


def _others(document: json_reader.Document, path: Sequence[str]) -> List[str]:
    """Return the text of every member outside the path, level by level, and the text around the root."""
    text, members = document.text, document.root.members
    texts = [text[: document.root.start], text[document.root.end :]]
    for key in path:
        texts += [text[member.key_start : member.node.end] for name, member in members.items() if name != key]
        members = members[key].node.members if key in members else {}
    return texts
