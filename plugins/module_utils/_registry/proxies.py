# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Find the proxy that an engine uses for a URL.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import base64
import ipaddress
import re

from typing import Mapping, Optional
from urllib.parse import SplitResult, unquote, urlsplit


def proxy_for(url: str, proxies: Mapping[str, str]) -> Optional[str]:
    """Return the proxy that an engine uses for a URL, or None (Go golang.org/x/net/http/httpproxy).

    :param proxies: the engine's values of ``http``, ``https`` and ``no``.
    """
    parts = urlsplit(url)
    proxy = proxies.get(parts.scheme)
    host, port = parts.hostname or "", parts.port or default_port(parts.scheme)
    if not proxy or host == "localhost":
        return None
    if any(_is_exempt(host, port, entry.strip().lower()) for entry in proxies.get("no", "").split(",")):
        return None
    try:
        if ipaddress.ip_address(host).is_loopback:
            return None
    except ValueError:
        pass  # The host is a name.
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_exempt(host: str, port: int, entry: str) -> bool:
    """Return whether an entry of a ``no_proxy`` list matches this host.

    An entry is a name, which also matches all names below it, an address, a network, or ``*``.
    """
    if entry == "*":
        return True
    if not entry:
        return False
    with_port = re.fullmatch(r"(\[.*\]|[^:]*):([0-9]+)", entry)
    if with_port:
        if with_port[2] != str(port):  # As texts, as in Go. A number can have more digits than Python converts.
            return False
        entry = with_port[1].strip("[]")
    try:
        if ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False):
            return True
    except ValueError:
        pass  # The host or the entry is a name.
    entry = entry[1:] if entry.startswith("*.") else entry
    return host == entry or host.endswith(entry if entry.startswith(".") else f".{entry}")


def authorization(proxy: SplitResult) -> Optional[str]:
    """Return the header ``Proxy-Authorization`` for the user in the URL of a proxy, or None if it has no user.

    The user comes from the engine's own environment, and only the engine's own proxy gets it.
    """
    if proxy.username is None:
        return None
    user = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return f"Basic {base64.b64encode(user.encode()).decode()}"


def default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80
