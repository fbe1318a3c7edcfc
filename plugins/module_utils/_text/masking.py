# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What is shown of foreign text: no secret, no control character, no more than a limit.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

import json
import re

from typing import Iterator, List, Pattern, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader

SECRET_KEY = r"token|passw|passphrase|pwd|secret|credential|(?:api|access|private|shared)[-_.]?key"
"""What the name of a setting contains whose value is not to be shown."""

# No pattern begins with what may be long, and what follows is bounded: the time of a text must not grow with its square.
# A password may hold what ends a host, as long as it does not read as a port.
_USERINFO = re.compile(r"""(:\\?/\\?/)(?:[^\s/?#"<>]*|[^\s/:@"<>]{0,256}:(?![0-9]+/)[^\s"<>]{0,1024})@""")
_ENCODED_USERINFO = re.compile(r"""(%3A%2F%2F)[^\s/?#"<>&]{0,1024}%40""", re.IGNORECASE)
_PROXY = re.compile(r"""(proxy\\?["']?(?:\s*[=:]\s*|\s+)\\?["']?)(?![a-z0-9]+:\\?/)[^\s"']{1,1024}@""", re.IGNORECASE)
"""A proxy may stand without a scheme."""
_QUOTED_PAIR = re.compile(rf"""(["'])([^"'\s=]{{0,100}}(?:{SECRET_KEY})[\w.-]{{0,100}}=)(?:\\.|(?!\1)[^\\\n]){{0,1024}}\1""", re.IGNORECASE)
_SECRET_PAIR = re.compile(
    rf"""((?:{SECRET_KEY})[\w.-]{{0,100}}\\?["']?\s*[=:]\s*)"""
    r"""("(?:[^"\\]|\\.)*(?:"|\\?\Z)|\\"(?:\\\\\\"|\\[^"]|[^"\\])*(?:\\"|\\?\Z)|'[^']*(?:'|\Z)|[{\[].*|(?:[^\s"'\\]|\\.)+)""",
    re.IGNORECASE,
)
_INVISIBLE = "\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f"
"""Characters that a terminal obeys, that turn the direction of text or end a line, that have no width, or that cannot be printed."""
_UNPRINTABLE = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f{_INVISIBLE}]|\r(?!\n)")
_UNPRINTABLE_OR_LINE_END = re.compile(f"[\x00-\x1f\ufeff{_INVISIBLE}]")
_URL = re.compile(r""":\\?/\\?/[^ \t\n"'<>]*""")
_QUERY = re.compile(r"([?#]).*", re.DOTALL)

SHOWN_LIMIT = 1000
"""Characters of a foreign text that are shown, unless a caller of `mask` sets another limit."""

MESSAGE_LIMIT = 10000
"""Characters of a whole message that are shown. It has our own words too, and each foreign text in it was cut before."""

_SECRET_LIMIT = 4096
"""Characters at the end of a cut text that are never shown, as they may be the beginning of a secret."""


def mask(text: str, limit: int = SHOWN_LIMIT) -> str:
    """Return a text as one line that is safe to show: the gate for every foreign text in a message, a warning or a return value.

    Foreign is what a mirror, a proxy, a token server, an engine, its log or a file says. The line shows no secret, no query of a
    URL, no control character and no line end, and it ends with an ellipsis where the text is longer than the limit.
    """
    # A long text is cut twice: before the search, which takes time, and after it, when each secret is known as one.
    part = text[: limit + 2 * _SECRET_LIMIT]
    is_cut = len(part) < len(text)
    # A user and password that go on where the text is cut end there.
    shown = without_secrets(f"{part}@" if is_cut else part)
    shown = _escaped(_UNPRINTABLE_OR_LINE_END, _URL.sub(lambda match: _QUERY.sub(r"\g<1>***", match.group()), shown))
    if is_cut:
        shown = shown[:-_SECRET_LIMIT]
    return f"{shown[: limit - 1]}\N{HORIZONTAL ELLIPSIS}" if is_cut or len(shown) > limit else shown


def mask_url(url: str) -> str:
    """Return scheme, host and path of a foreign URL, safe to show: a query, a fragment or a user may be a secret."""
    shown = mask(url, 200)
    return _QUERY.sub("", shown).replace("://***@", "://")


def without_secrets(text: str) -> str:
    """The text without the user part of its URLs and proxies, and without the values of what is called token, password and the like."""
    text = _ENCODED_USERINFO.sub(r"\g<1>***%40", _USERINFO.sub(r"\g<1>***@", text))
    text = _PROXY.sub(r"\g<1>***@", text)
    return _SECRET_PAIR.sub(r"\g<1>***", _QUOTED_PAIR.sub(r"\g<1>\g<2>***\g<1>", text))


def printable(text: str) -> str:
    """Return the lines of a text with control characters, and halves of surrogate pairs, written as escapes."""
    return _escaped(_UNPRINTABLE, text)


def _escaped(pattern: Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: match.group().encode("unicode_escape").decode(), text)
_SECRET_NAME = re.compile(SECRET_KEY, re.IGNORECASE)
_SECRET_STRING = re.compile(rf"[^\s=:]{{0,100}}(?:{SECRET_KEY})[\w.-]{{0,100}}\s*[=:]", re.IGNORECASE)


def mask_json(text: str) -> str:
    """The text with its secrets masked, to be shown: user parts of URLs, and values of keys called token, password and the like."""
    try:
        document = json_reader.parse(text)
    except json_reader.JsonTextError:
        return printable(without_secrets(text))
    parts: List[str] = []
    done = 0
    for start, end, shown in _secrets(document.root, ""):
        parts += (text[done:start], shown)
        done = end
    return printable("".join(parts) + text[done:])


def _secrets(node: json_reader.Node, key: str) -> Iterator[Tuple[int, int, str]]:
    """What is to be shown in place of which characters, in their order.

    :param key: of the member that the node is, or is in.
    """
    for name, member in node.members.items():
        if _SECRET_NAME.search(name):
            yield member.node.start, member.node.end, '"***"'
        else:
            yield from _secrets(member.node, name)
    for element in node.elements:
        yield from _secrets(element, key)
    if isinstance(node.value, str):
        # The value itself is looked at, since escapes can hide in its spelling what it is.
        shown = _masked_string(key, node.value)
        if shown != node.value:
            yield node.start, node.end, json.dumps(shown)


def _masked_string(key: str, value: str) -> str:
    pair = _SECRET_STRING.match(value)
    if pair:
        return f"{pair.group()}***"
    if "proxy" in key.lower():
        return without_secrets(f"proxy={value}")[len("proxy=") :]
    return without_secrets(value)
