# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What the URL of a registry mirror is: check it by the engine's rules, spell it as the engine does, mask its password.

Private to the collection C(pullthrough.docker): it may change at any time, without notice. Pure: it touches nothing.
The rules are those of C(ValidateMirror) in moby registry/config.go, and of what the engine then does with the URL.
"""

from __future__ import annotations

import re

from typing import Any, List, Optional, Pattern, Sequence
from urllib.parse import urlsplit

from ansible_collections.pullthrough.docker.plugins.module_utils._version import Version

PATH_SINCE: Version = (24, 0, 8)
"""Since this version a mirror's URL may have a path (moby pull request 46594)."""

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
_HOST = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+(?:%25[\w.~-]+)?\])\Z")


class MirrorUrlError(ValueError):
    """A URL that no engine, or not this engine, can use as a mirror; the text says why and what to write instead."""


def declare(url: Any) -> str:
    """The URL that is written for what a user declares: without white space around it, its scheme in lower case.

    An engine takes C(HTTPS://host) and then dials a host called C(HTTPS) (seen on 20.10.24).

    :raises MirrorUrlError: when no engine could use it.
    """
    if not isinstance(url, str):
        raise MirrorUrlError(f"{url!r} is not a mirror's URL: write one such as https://mirror.gcr.io.")
    scheme, separator, rest = url.strip().partition("://")
    declared = scheme.lower() + separator + rest
    check(declared, None)
    return declared


def check(url: str, version: Optional[Version]) -> None:
    """Refuse a URL that an engine of this version would refuse, or would take and could never use.

    :param version: of the engine; None means only what holds for all versions.
    :raises MirrorUrlError: with the reason and the remedy, passwords masked.
    """

    def refuse(why: str, remedy: str) -> None:
        raise MirrorUrlError(f'"{mask(url)}" cannot be a registry mirror: {why}; {remedy}.')

    if not url.strip():
        refuse("it is empty", "write a URL such as https://mirror.gcr.io")
    if re.search(r"[\x00-\x20\x7f]", url):
        refuse("it holds white space or a control character", "take that out")
    scheme, separator, rest = url.partition("://")
    if not separator:
        refuse("it has no scheme", f"write https://{url} or http://{url}")
    if scheme not in ("http", "https"):
        refuse(f'its scheme is "{scheme}"', "engines speak http:// and https://, in lower case, to mirrors")
    if "@" in rest:
        refuse("engines refuse a user or password in it", "let the mirror allow anonymous pulls, or use client certificates")
    if re.search(r"[?#]", rest):
        refuse("engines refuse a query or fragment", "end it after the host or the path")
    authority, _slash, path = rest.partition("/")
    if not authority:
        refuse("it names no host", "write one, such as https://mirror.gcr.io")
    if not _is_host_and_port(authority):
        refuse("its host or port is malformed", "write scheme://host or scheme://host:port, with a port from 1 to 65535")
    if re.search(r"%(?![0-9A-Fa-f]{2})", path):
        refuse("its path holds a % that two hexadecimal digits do not follow", "write %25 for a % itself")
    if path and version is not None and version < PATH_SINCE:
        shown = ".".join(map(str, version))
        refuse(f"Docker Engine {shown} refuses a path, which engines take since 24.0.8", "let the mirror answer at the root of a host")


def _is_host_and_port(authority: str) -> bool:
    try:
        port = urlsplit(f"//{authority}").port
    except ValueError:
        return False
    host = authority if port is None and not authority.endswith(":") else authority.rpartition(":")[0]
    return bool(_HOST.match(host)) and port != 0


def engine_spelling(url: str) -> str:
    """The URL as C(docker system info) shows it, with one final slash (moby registry/config.go ValidateMirror)."""
    return (url[:-1] if url.endswith("/") else url) + "/"


def engine_list(urls: Sequence[str]) -> List[str]:
    """The list as the engine shows it: each in its spelling, the second of two equal ones dropped, the order kept."""
    return list(dict.fromkeys(engine_spelling(url) for url in urls))


def shown_list(urls: Sequence[str]) -> List[str]:
    """The list as the engine shows it, to be shown by us."""
    return [mask(url) for url in engine_list(urls)]


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


def place(url: str) -> str:
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
