# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Make foreign text safe to show: no secret, no control character, a limited length.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

import json
import re

from typing import Any, Iterator, List, Pattern, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._text import json_reader

SECRET_KEY = r"token|passw|passphrase|pwd|secret|credential|(?:api|access|private|shared)[-_.]?key"
"""Part of the name of a setting whose value must not be shown."""

_WHOLE_NAME = r"(?<![a-z0-9])(?:auth|pass)"
"""The last word of the name of such a setting. Within a word, as in ``author`` and ``bypass``, it means nothing."""

_SECRET_NAME = re.compile(rf"{SECRET_KEY}|{_WHOLE_NAME}\Z|^(?:proxy-)?authorization\Z", re.IGNORECASE)
_NAME = rf"(?:(?:{SECRET_KEY})[\w.-]{{0,100}}|{_WHOLE_NAME})"
_SECRET_STRING = re.compile(rf"[^\s=:]{{0,100}}(?:{_NAME}|authorization)\s*[=:]", re.IGNORECASE)

# No pattern begins with what may be long, and what follows is bounded: time must not grow with the square of a text.
# A password may contain what ends a host, as long as it does not look like a port. Where a JSON text is quoted within
# another one, again and again, the number of backslashes grows.
_USERINFO = re.compile(r"""(:(?:\\*/){2,})(?:[^\s/?#"<>]*|[^\s/:@"<>]{0,256}:(?![0-9]+/)[^\s"<>]{0,1024})@""")
_ENCODED_USERINFO = re.compile(r"""(%3A%2F%2F)[^\s/?#"<>&]{0,1024}%40""", re.IGNORECASE)
_PROXY = re.compile(r"""(proxy\\?["']?(?:\s*[=:]\s*|\s+)\\?["']?)(?![a-z0-9]+:\\*/)[^\s"']{1,1024}@""", re.IGNORECASE)
"""A proxy may have no scheme."""
_RELATIVE = re.compile(r"""(?<![\w:\\/])((?:\\*/){2,})[^\s/:?#@"<>]{0,256}:[^\s/?#@"<>]{0,1024}@""")
"""A URL without a scheme, as in a redirect."""
_QUOTED_PAIR = re.compile(
    # The quote before a colon or comma ends a text and begins none.
    rf"""(["'])(?![:,])([^"'\s=]{{0,100}}{_NAME}=)(?:\\.|(?!\1)[^\\\n]){{0,1024}}\1""",
    re.IGNORECASE,
)
_QUOTED = r""""(?:[^"\\]|\\.)*(?:"|\\?\Z)|\\"(?:\\\\\\"|\\[^"]|[^"\\])*(?:\\"|\\?\Z)|'[^']*(?:'|\Z)"""
_SECRET_PAIR = re.compile(
    # After a name may come another one, as in "bad token: password: ...". It is not the value.
    rf"""((?:(?:{SECRET_KEY})[\w.\\-]{{0,100}}|{_WHOLE_NAME}\\{{0,8}})["']?\s*[=:]\s*"""
    rf"""(?:\\{{0,8}}(["']?)[^\s=:"'\\]{{0,100}}(?:{SECRET_KEY})[\w.-]{{0,100}}\\{{0,8}}\2\s*[=:]\s*)*)"""
    rf"""({_QUOTED}|[{{\[].*|(?:(?:basic|bearer)[ \t]+)?(?:[^\s"'\\]|\\(?:\r?\n|.))+)""",
    re.IGNORECASE,
)
_AUTHORIZATION = re.compile(rf"""(authorization\\{{0,8}}["']?\s*[=:]\s*)({_QUOTED}|.+)""", re.IGNORECASE)
"""A header of HTTP. Its value has several words, and each of them can be secret."""
_INVISIBLE = (
    "\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f"
)
"""Characters that control a terminal, change the direction of text, end a line, have no width, or cannot be printed."""
_UNPRINTABLE = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f{_INVISIBLE}]|\r(?!\n)")
_UNPRINTABLE_OR_LINE_END = re.compile(f"[\x00-\x1f\ufeff{_INVISIBLE}]")
_URL = re.compile(r""":(?:\\*/){2,}[^ \t\n"'<>]*""")
_QUERY = re.compile(r"([?#]).*", re.DOTALL)

SHOWN_LIMIT = 1000
"""Maximum characters that are shown of a foreign text, unless a caller of ``mask`` sets another limit."""

MESSAGE_LIMIT = 10000
"""Maximum characters of a whole message, which quotes foreign texts that were cut before."""

_SECRET_LIMIT = 4096
"""Characters at the end of a cut text that are never shown: they may be the beginning of a secret."""


def mask(text: str, limit: int = SHOWN_LIMIT) -> str:
    """Return a text as one line that is safe to show. Every foreign text in a message, warning or result passes here.

    Foreign is the text of a mirror, a proxy, a token server, an engine, its log or a file. The line has no secret, no
    query of a URL, no control character and no line end. It ends with an ellipsis if the text is longer than the limit.
    """
    # A long text is cut twice: before the search, which takes time, and after it, when the secrets are found.
    part = text[: limit + 2 * _SECRET_LIMIT]
    is_cut = len(part) < len(text)
    # A user and password that the cut shortens end there.
    shown = without_secrets(f"{part}@" if is_cut else part)
    shown = _URL.sub(lambda match: _QUERY.sub(r"\g<1>***", match.group()), shown)
    shown = _escaped(_UNPRINTABLE_OR_LINE_END, shown)
    if is_cut:
        shown = shown[:-_SECRET_LIMIT]
    return f"{shown[: limit - 1]}\N{HORIZONTAL ELLIPSIS}" if is_cut or len(shown) > limit else shown


def mask_all(value: Any) -> Any:
    """Return a value of lists and dictionaries with each string in it masked, also the keys."""
    if isinstance(value, dict):
        return {mask_all(key): mask_all(member) for key, member in value.items()}
    if isinstance(value, list):
        return [mask_all(element) for element in value]
    return mask(value) if isinstance(value, str) else value


def mask_location(location: str) -> str:
    """Return a foreign host with its path, as ``mask`` does. Before the host may come a user, as in a URL."""
    return mask(f"https://{location}")[len("https://") :]


def mask_url(url: str) -> str:
    """Return scheme, host and path of a foreign URL. A query, a fragment or a user may be a secret."""
    shown = mask(url, 200)
    return _QUERY.sub("", shown).replace("://***@", "://")


def without_secrets(text: str) -> str:
    """Return the text without users and passwords in URLs and proxies, and without values called token and the like.

    Control characters become escapes first. Python takes some of them for white space, where a secret would end.
    """
    text = printable(text)
    text = _ENCODED_USERINFO.sub(r"\g<1>***%40", _USERINFO.sub(r"\g<1>***@", text))
    text = _RELATIVE.sub(r"\g<1>***@", _PROXY.sub(r"\g<1>***@", text))
    text = _AUTHORIZATION.sub(r"\g<1>***", text)
    return _SECRET_PAIR.sub(r"\g<1>***", _QUOTED_PAIR.sub(r"\g<1>\g<2>***\g<1>", text))


def printable(text: str) -> str:
    """Return the lines of a text with control characters and halves of surrogate pairs written as escapes."""
    return _escaped(_UNPRINTABLE, text)


def _escaped(pattern: Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: match.group().encode("unicode_escape").decode(), text)


def mask_json(text: str) -> str:
    """Return a JSON text with passwords in URLs, and values of keys called token and the like, masked."""
    try:
        document = json_reader.parse(text)
    except json_reader.JsonTextError:
        return without_secrets(text)
    parts: List[str] = []
    done = 0
    for start, end, shown in _secrets(document.root, ""):
        parts += (text[done:start], shown)
        done = end
    return printable("".join(parts) + text[done:])


def _secrets(node: json_reader.Node, key: str) -> Iterator[Tuple[int, int, str]]:
    """Yield start, end and replacement of the characters to mask, in their order.

    :param key: of the member that the node is the value of, or is in.
    """
    for name, member in node.members.items():
        # A file can have a secret as a key, such as the URL of a registry with a user.
        shown = _masked_string("", name)
        if shown != printable(name):
            yield member.key_start, member.key_end, json.dumps(shown)
        if _SECRET_NAME.search(name):
            yield member.node.start, member.node.end, '"***"'
        else:
            yield from _secrets(member.node, name)
    for element in node.elements:
        yield from _secrets(element, key)
    if isinstance(node.value, str):
        # Check the value and not its spelling, in which escapes can hide a secret.
        shown = _masked_string(key, node.value)
        if shown != printable(node.value):
            yield node.start, node.end, json.dumps(shown)


def _masked_string(key: str, value: str) -> str:
    pair = _SECRET_STRING.match(value)
    if pair:
        return f"{pair.group()}***"
    if "proxy" in key.lower():
        return without_secrets(f"proxy={value}")[len("proxy=") :]
    return without_secrets(value)
