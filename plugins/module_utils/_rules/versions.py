# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Versions of Docker Engine, and the features that depend on them.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

import re

from typing import Optional, Tuple

Version = Tuple[int, int, int]
"""Year or major, month or minor, patch, such as ``(20, 10, 24)``. Compares as versions do."""

HAS_VALIDATE: Version = (23, 0, 0)
"""First version with ``dockerd --validate``, which names unknown keys. It also accepts a byte order mark."""

HAS_MIRROR_PATHS: Version = (24, 0, 8)
"""First version that accepts a path in the URL of a mirror (moby pull request 46594)."""

HAS_BUILD_RELOAD: Version = (25, 0, 0)
"""First version whose ``docker build`` uses the mirrors of a reload. Older ones keep the mirrors that the engine
started with (moby cmd/dockerd/daemon.go; seen on 20.10.24)."""

HAS_SHARED_DOCKER_IO: Version = (28, 0, 0)
"""First version that uses ``certs.d/docker.io`` for mirrors too, with the containerd image store."""


def parse(text: str) -> Optional[Version]:
    """Return the first version in a text, such as ``20.10.24+dfsg1`` or ``Docker version 26.1.5+dfsg1, build a72d7cd``.

    Return None for a text without one, such as ``dev``, the version of an engine that someone built.
    """
    match = re.search(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})", text)
    return (int(match.group(1)), int(match.group(2)), int(match.group(3))) if match else None


def shares_docker_io(image_store: Optional[str], version: Optional[Version]) -> bool:
    """Return whether mirrors and Docker Hub share one set of certificates, one ``hosts.toml`` and one TLS setting.

    Such engines read ``certs.d/docker.io`` for both, and ``certs.d/_default`` where that folder does not exist (moby
    daemon/hosts.go; seen on 28.5.2, not on 26.1.5). All others read the folder named after the host. False where
    unknown: no certificate is trusted for Docker Hub on a guess.

    :param image_store: ``containerd``, ``graphdriver``, or None when unknown.
    """
    return image_store == "containerd" and version is not None and version >= HAS_SHARED_DOCKER_IO
