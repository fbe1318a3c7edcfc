# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The URL of a registry mirror: check it by the engine's rules, and spell it as the engine does.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.

The rules are those of ``ValidateMirror`` in moby registry/config.go, and of what the engine then does with the URL.
"""

from __future__ import annotations

import re

from typing import Any, List, Optional, Sequence
from urllib.parse import urlsplit

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import versions
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

PATH_SINCE: versions.Version = (24, 0, 8)
"""Since this version a mirror's URL may have a path (moby pull request 46594)."""
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


def check(url: str, version: Optional[versions.Version]) -> None:
    """Refuse a URL that an engine of this version would refuse, or would take and could never use.

    :param version: of the engine; None means only what holds for all versions.
    :raises MirrorUrlError: with the reason and the remedy, passwords masked.
    """

    def refuse(why: str, remedy: str) -> None:
        raise MirrorUrlError(f'"{masking.mask(url)}" cannot be a registry mirror: {why}; {remedy}.')

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
    return [masking.mask(url) for url in engine_list(urls)]
