# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The URL of a registry mirror: check it by the engine's rules, and spell it as the engine does.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.

The rules are those of ``ValidateMirror`` in moby registry/config.go, and of what the engine then does with the URL.
"""

from __future__ import annotations

import ipaddress
import re

from typing import Any, List, Optional, Sequence, Tuple
from urllib.parse import urlsplit

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import versions
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

_HOST = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+(?:%25[\w.~-]+)?\])\Z")


class MirrorUrlError(ValueError):
    """A URL that no engine, or not this engine, can use as a mirror; the text says why and what to write instead."""


def declare(url: Any) -> str:
    """Return the URL to write for what a user declares: without white space around it, its scheme in lower case.

    An engine accepts ``HTTPS://host`` and then connects to a host called ``HTTPS`` (seen on 20.10.24).

    :raises MirrorUrlError: when no engine could use it.
    """
    if not isinstance(url, str):
        shown = masking.mask(repr(url))
        raise MirrorUrlError(f"{shown} is not a mirror URL: write one such as https://mirror.gcr.io.")
    scheme, separator, rest = url.strip().partition("://")
    declared = scheme.lower() + separator + rest
    check(declared, None)
    return declared


def check(url: str, version: Optional[versions.Version]) -> None:
    """Refuse a URL that an engine of this version would refuse, or would accept and could never use.

    :param version: of the engine; None means only what holds for all versions.
    :raises MirrorUrlError: with the reason and the remedy, passwords masked.
    """
    fault = _fault(url) or _fault_of_path(url, version)
    if fault:
        why, remedy = fault
        raise MirrorUrlError(f'"{_shown(url)}" cannot be a registry mirror: {why}; {remedy}.')


def _fault(url: str) -> Optional[Tuple[str, str]]:
    """Return what is wrong with everything before the path, and the remedy."""
    if not url.strip():
        return "it is empty", "write a URL such as https://mirror.gcr.io"
    if url.startswith(("{", "[")):  # Ansible turns an element that is no string into one.
        return "it is a dictionary or a list in the place of a URL", "write only the URL, such as https://mirror.gcr.io"
    if re.search(r"[\s,;]https?://", url):
        remedy = "write each as an entry of the list, or in a string with only a comma between them"
        return "it looks like more than one URL", remedy
    if re.search(r"[\x00-\x20\x7f]", url):
        return "it contains white space or a control character", "remove it"
    scheme, separator, rest = url.partition("://")
    if not separator:
        return "it has no scheme", f"write https://{_shown(url)} or http://{_shown(url)}"
    if scheme not in ("http", "https"):
        return f'its scheme is "{_shown(scheme)}"', "write http:// or https://, in lower case"
    if "@" in rest:
        remedy = "let the mirror allow anonymous pulls, or use client certificates"
        return "engines refuse a user or password in it", remedy
    if re.search(r"[?#]", rest):
        return "engines refuse a query or fragment", "end the URL after the host or the path"
    authority = rest.partition("/")[0]
    if not authority:
        return "it names no host", "write a URL such as https://mirror.gcr.io"
    if not _is_host_and_port(authority):
        return "its host or port is not valid", "write scheme://host or scheme://host:port, with a port from 1 to 65535"
    return None


def _fault_of_path(url: str, version: Optional[versions.Version]) -> Optional[Tuple[str, str]]:
    """Return what is wrong with the path of a URL that is right up to there, and the remedy."""
    path = url.partition("://")[2].partition("/")[2]
    if re.search(r"%(?![0-9A-Fa-f]{2})", path):
        return "its path contains a % without two hexadecimal digits after it", "write %25 for a literal %"
    if path and version is not None and version < versions.HAS_MIRROR_PATHS:
        shown, since = (".".join(map(str, number)) for number in (version, versions.HAS_MIRROR_PATHS))
        why = f"Docker Engine {shown} refuses a path, and {since} and later accept one"
        return why, "serve the mirror at the root of a host"
    return None


def _is_host_and_port(authority: str) -> bool:
    try:
        port = urlsplit(f"//{authority}").port
    except ValueError:
        return False
    host = authority if port is None and not authority.endswith(":") else authority.rpartition(":")[0]
    return bool(_HOST.match(host)) and port != 0


def engine_spelling(url: str) -> str:
    """Return the URL as ``docker system info`` shows it, with one final slash (moby registry/config.go)."""
    return (url[:-1] if url.endswith("/") else url) + "/"


def engine_list(urls: Sequence[str]) -> List[str]:
    """Return the list as the engine shows it: in its spelling, the same order, and each mirror once."""
    return list(dict.fromkeys(engine_spelling(url) for url in urls))


def is_loopback(host: str) -> bool:
    """Return whether a host is this host by its name or address."""
    return host == "localhost" or is_in(host, "127.0.0.0/8") or is_in(host, "::1/128")


def is_in(host: str, network: str) -> bool:
    """Return whether a host is an address in a network."""
    try:
        return "/" in network and ipaddress.ip_address(host) in ipaddress.ip_interface(network).network
    except ValueError:  # A name; only DNS could tell.
        return False


def shown_list(urls: Sequence[str]) -> List[str]:
    """Return the list as the engine shows it, masked so that it is safe to show."""
    return [_shown(url) for url in engine_list(urls)]


def _shown(url: str) -> str:
    """Return the URL, masked. If the scheme is missing, a user and password are masked all the same."""
    before, separator, _rest = url.partition("://")
    is_complete = separator and "@" not in before
    return masking.mask(url) if is_complete else masking.mask(f"://{url}")[len("://") :]
