# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Tell apart the addresses that only one host or one network can use.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import ipaddress
import socket

from typing import Optional


def kind(address: str) -> Optional[str]:
    """Return ``loopback``, ``link-local``, ``unspecified`` or ``multicast``, or None for any other IP address.

    :param address: as the system's resolver returns it.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])  # Before Python 3.9, without the name of an interface.
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    if parsed.is_loopback:
        return "loopback"
    if parsed.is_link_local:
        return "link-local"
    if parsed.is_unspecified:
        return "unspecified"
    return "multicast" if parsed.is_multicast else None


def kind_of_host(host: str) -> Optional[str]:
    """Return the kind of the address that a host is in every network, or None if only a resolver can tell."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return "loopback"
    try:
        # The C library also reads 127.1 and 0x7f000001 as addresses, and so may a proxy.
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return None
    return kind(str(found[0][4][0]))
