# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Where mirrors that are in force are not used, or not safe to use.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

import ipaddress

from typing import List, Optional, Sequence
from urllib.parse import urlsplit

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import versions

HOSTS_TOML_SINCE: versions.Version = (28, 0, 0)
"""With the containerd image store, engines since this version read ``hosts.toml`` in ``certs.d/docker.io`` or
``certs.d/_default``, and share one TLS setting between mirrors and Docker Hub (seen on 28.5.2; 26.1.5 does neither)."""


def of(
    mirrors: Sequence[str], *, insecure: Sequence[str], image_store: Optional[str], version: Optional[versions.Version], hosts_toml: Optional[str]
) -> List[str]:
    """Sentences for whoever relies on these mirrors.

    :param mirrors: the mirrors in force, or those that will be.
    :param insecure: the engine's insecure registries: C(host), C(host:port) or a network such as C(10.0.0.0/8).
    :param image_store: C(containerd), C(graphdriver), or None when unknown.
    :param hosts_toml: file and line of a host in the ``hosts.toml`` that engines read for Docker Hub's images, or None.
    """
    if not mirrors or image_store != "containerd" or version is None:
        return []
    if version < HOSTS_TOML_SINCE:
        return [
            f"With the containerd image store this engine dials {mirror} as https (seen on 26.1.5): give the mirror a certificate."
            for mirror in mirrors
            if mirror.startswith("http://") and not _is_loopback(mirror)
        ]
    found = []
    if hosts_toml:
        found.append(f"{hosts_toml}: a host that is named there is asked in place of the registry mirrors, which the engine shows and does not use.")
    for mirror in mirrors:
        if is_unverified(mirror, insecure):
            found.append(
                f"The mirror {mirror} is {'on this host' if _is_loopback(mirror) else 'an insecure registry'}: with the containerd image store "
                "this engine then verifies no certificate of Docker Hub either. Give the mirror a certificate that the host trusts, "
                "a name that is not of this host, and take it out of insecure-registries."
            )
    return found


def is_unverified(mirror: str, insecure: Sequence[str]) -> bool:
    """Whether an engine verifies no certificate of this mirror.

    :param insecure: as for L(cautions).
    """
    return _is_loopback(mirror) or _is_insecure(mirror, insecure)


def cost_of_silence(image_store: Optional[str]) -> str:
    """What a mirror costs that does not answer at all (seen on 20.10.24, 26.1.5 and 28.5.2).

    :param image_store: C(containerd), C(graphdriver), or None when unknown.
    """
    once = "15 seconds at each pull"
    return f"An engine waits for it {'30 seconds for each object of an image' if image_store == 'containerd' else once} before it asks the next."


def _host_of(mirror: str) -> str:
    return urlsplit(mirror).hostname or ""


def _is_loopback(mirror: str) -> bool:
    host = _host_of(mirror)
    return host == "localhost" or _is_in(host, "127.0.0.0/8") or _is_in(host, "::1/128")


def _is_insecure(mirror: str, insecure: Sequence[str]) -> bool:
    host = _host_of(mirror)
    names = {host, urlsplit(mirror).netloc.lower()}
    return any(entry.lower() in names or _is_in(host, entry) for entry in insecure)


def _is_in(host: str, network: str) -> bool:
    try:
        return "/" in network and ipaddress.ip_address(host) in ipaddress.ip_interface(network).network
    except ValueError:  # A name, of which only DNS could tell.
        return False
