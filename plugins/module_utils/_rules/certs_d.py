# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""CA certificates of private mirrors: check the text, and name the files where the engine reads them.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.

Engines read certificates again for each pull, without a reload (seen on 20.10.24, 26.1.5, 28.5.2).
"""

from __future__ import annotations

import os
import re

from typing import Dict, List, Mapping, Optional

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import versions

HUB = "docker.io"
"""Name of the folder of Docker Hub."""

SIZE_LIMIT = 1024 * 1024
"""Maximum bytes of the certificates of one host, and of one file that is read."""

_NAME = "pullthrough-docker"
_HOST = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?\Z")


class CertificateError(ValueError):
    """Certificates that no engine could use; the text says whose, which and why, and quotes nothing of them."""


# -- where -----------------------------------------------------------------------------------------------------------


def host_of(mirror: str) -> str:
    """Return host, or host:port, as in the URL: the name of the mirror's folder (moby registry/registry.go)."""
    return mirror.partition("://")[2].partition("/")[0]


def files(
    certificates: Mapping[str, str],
    *,
    image_store: Optional[str],
    version: Optional[versions.Version],
    folder: str,
) -> Dict[str, bytes]:
    """Return path and content of the files to write, one for each host, ordered by host.

    :param certificates: ``host`` or ``host:port``, and the text of its certificates, already checked by ``check``.
    :param image_store: ``containerd``, ``graphdriver``, or None when unknown.
    :param folder: the engine's ``certs.d``.
    """
    place = 1 if versions.shares_docker_io(image_store, version) else 0
    return {ours(host, folder)[place]: encoded(certificates[host].rstrip() + "\n") for host in sorted(certificates)}


def ours(host: str, folder: str) -> List[str]:
    """Return the two paths where this collection may write for a host: its own folder, and the one of ``docker.io``."""
    return [os.path.join(folder, host, f"{_NAME}.crt"), os.path.join(folder, HUB, f"{_NAME}-{host}.crt")]


def is_host(host: str) -> bool:
    """Return whether a text is a host or host:port that can safely name a folder."""
    return bool(_HOST.match(host)) and ".." not in host


def encoded(text: str) -> bytes:
    """Return the bytes of a text of certificates."""
    return text.encode(errors="replace")
