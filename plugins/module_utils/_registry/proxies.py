# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Which proxy an engine uses for a URL.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import ipaddress
import re

from typing import Mapping, Optional
from urllib.parse import urlsplit

# -- proxies ---------------------------------------------------------------------------------------------------------


def proxy_for(url: str, proxies: Mapping[str, str]) -> Optional[str]:
    """The proxy that an engine uses for a URL, or None (Go golang.org/x/net/http/httpproxy).

    :param proxies: the values of C(http), C(https) and C(no), where there are any.
    """
    parts = urlsplit(url)
    proxy = proxies.get(parts.scheme)
    host, port = parts.hostname or "", parts.port or default_port(parts.scheme)
    if not proxy or host == "localhost" or any(_is_exempt(host, port, entry.strip().lower()) for entry in proxies.get("no", "").split(",")):
        return None
    try:
        if ipaddress.ip_address(host).is_loopback:
            return None
    except ValueError:
        pass  # A name.
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_exempt(host: str, port: int, entry: str) -> bool:
    """Whether one entry of a C(no_proxy) list means this host: a name with all below it, an address, a network, or C(*)."""
    if entry == "*":
        return True
    if not entry:
        return False
    of_port = re.fullmatch(r"(\[.*\]|[^:]*):([0-9]+)", entry)
    if of_port:
        if int(of_port[2]) != port:
            return False
        entry = of_port[1].strip("[]")
    try:
        if ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False):
            return True
    except ValueError:
        pass  # A name, here or there.
    entry = entry[1:] if entry.startswith("*.") else entry
    return host == entry or host.endswith(entry if entry.startswith(".") else f".{entry}")


def default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80
