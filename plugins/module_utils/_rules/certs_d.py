# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The engine's ``certs.d``: files for the CA certificates of mirrors, and what a ``hosts.toml`` changes.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.

Engines read certificates again for each pull, without a reload (seen on 20.10.24, 26.1.5, 28.5.2).
"""

from __future__ import annotations

import enum
import os
import re

from typing import Dict, List, Mapping, NamedTuple, Optional
from urllib.parse import urlsplit

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


# -- hosts.toml ------------------------------------------------------------------------------------------------------

HUB_NAMES = (HUB, "index.docker.io", "registry-1.docker.io")
"""The hosts under which Docker Hub answers."""


class Effect(enum.Enum):
    """What a ``hosts.toml`` changes for images of Docker Hub."""

    HOST = "its hosts are asked, and no mirror"
    SERVER = "its server is asked after the mirrors, and not Docker Hub"
    INVALID = "the engine ignores the file"


class HostsToml(NamedTuple):
    """A ``hosts.toml`` that changes something. ``place`` is file and line; for an invalid file also the fault."""

    place: str
    effect: Effect


def hosts_toml(path: str, data: bytes) -> Optional[HostsToml]:
    """Return what a ``hosts.toml`` changes, or None where the engine asks its mirrors and then Docker Hub.

    Engines find hosts only by the headers of tables: they ignore a host that is written as an inline table, as an array
    of tables or below a plain ``[host]`` (seen on 28.5.2). With only a ``server``, they ask it last (moby
    daemon/hosts.go). A file that is not TOML counts as missing (seen on 28.5.2).
    """
    if not data:
        return None
    # Imported only here: most hosts have no such file, and do not compile the reader.
    from ansible_collections.pullthrough.docker.plugins.module_utils._text import toml_reader

    try:
        document = toml_reader.parse(toml_reader.decode(data))
    except toml_reader.TomlTextError as exc:
        return HostsToml(f"{path}, {exc}", Effect.INVALID)
    for header in document.headers:
        if header.path[0] == "host" and len(header.path) > 1 and not header.is_array:
            return HostsToml(f"{path}, line {document.line(header.start)}", Effect.HOST)
    server = document.find("server")
    if server and isinstance(server.node.value, str) and not _is_hub(server.node.value):
        return HostsToml(f"{path}, line {document.line(server.key.start)}", Effect.SERVER)
    return None


def _is_hub(server: str) -> bool:
    """Return whether a ``server`` is Docker Hub. Without a scheme it means https, and empty it means the default."""
    try:
        host = urlsplit(server if server.startswith("http") else f"https://{server}").hostname
    except ValueError:  # The engine does not accept this URL either.
        return False
    return not host or host in HUB_NAMES
