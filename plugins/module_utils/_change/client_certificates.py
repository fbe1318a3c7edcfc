# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""CA certificates of mirrors for Podman, Buildah, Skopeo and CRI-O: what is there, and what changes.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import os

from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.pullthrough.docker.plugins.module_utils._change.model import Edit
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._clients import podman
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import File, Host
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import certs_d
from ansible_collections.pullthrough.docker.plugins.module_utils._text import pem


class HostCertificates(NamedTuple):
    """What the clients have for one host of a mirror."""

    own: File
    """Our certificate, whether it exists or not."""
    new_folders: List[str]
    """The folders of our certificate that this run makes, outermost first."""
    used: Optional[str]
    """The only folder that the clients read now, None where there is none."""
    certificates: Mapping[str, Optional[bytes]]
    """The CA certificates in that folder, by path."""
    source: Optional[File]
    """The file with the certificate of the CA, None where there is nothing to add."""


def read(
    host: Host, folders: podman.Folders, hosts: Sequence[str], sources: Mapping[str, str]
) -> Dict[str, HostCertificates]:
    """Read what the clients have for these hosts.

    :param sources: the file of the certificate that the user names, by host.
    """
    return {name: _read_one(host, folders, name, sources.get(name)) for name in hosts}


def _read_one(host: Host, folders: podman.Folders, name: str, source: Optional[str]) -> HostCertificates:
    own = podman.own_certificate(folders, name)
    new_folders = host.new_folders(own)
    existing = [
        folder
        for folder in podman.certificate_folders(folders, name)
        if host.exists(folder) and folder not in new_folders
    ]
    used = existing[0] if existing else None
    if source is None:
        # An engine with the containerd image store reads the certificate here, and Podman does not.
        shared = certs_d.ours(name, os.path.join(folders.engine, "certs.d"))[1]
        source = shared if used in (None, os.path.dirname(own)) and host.exists(shared) else None
    paths = host.files_in(used, ".crt") if used else []
    return HostCertificates(
        own=host.file(own),
        new_folders=new_folders,
        used=used,
        certificates={path: host.file(path).data for path in paths},
        source=host.file(source) if source else None,
    )


def edits(found: Mapping[str, HostCertificates], *, before: Sequence[str], after: Sequence[str]) -> List[Edit]:
    """Return the edits of certificates.

    :param before: the hosts of the mirrors in our file before the change.
    :param after: those after it.
    :raises Refused: when a certificate cannot be used, or would hide others.
    :raises FileError: when another user can put something else in the place of ours.
    """
    made = [_addition(host, found[host]) for host in after]
    gone = [found[host].own for host in before if host not in after]
    removed = [_removal(own) for own in gone if own.data is not None]
    return [*filter(None, made), *removed]


def _addition(host: str, found: HostCertificates) -> Optional[Edit]:
    source, own = found.source, found.own
    if source is None:
        return None
    data = _checked(host, source)
    if found.used not in (None, os.path.dirname(own.path)):
        if data in found.certificates.values():
            return None
        raise Refused(
            f"Podman looks for certificates of {host} only in {found.used}, and {source.path} is not there",
            f"Copy it to that folder, with a name that ends with .crt, and leave {host} out of ca_files.",
        )
    if data in [other for path, other in found.certificates.items() if path != own.path]:
        return None
    return Edit(_safe(own).path, own.data, data, made_folders=found.new_folders)


def _removal(own: File) -> Edit:
    return Edit(_safe(own).path, own.data, None, made_folders=[os.path.dirname(own.path)])


def _safe(own: File) -> File:
    """Return our certificate, unless another user can put something else in its place.

    :raises FileError: then.
    """
    if own.problem:
        raise own.problem
    return own


def _checked(host: str, source: File) -> bytes:
    """Return the certificates in a file that everyone may read, and that nobody else can have written.

    :raises Refused: with the file, when it is something else.
    """
    if source.problem:
        raise source.problem
    if source.data is None:
        raise Refused(f"{source.path}: the CA certificate of {host} does not exist")
    text = source.data.decode(errors="replace")
    if "PRIVATE KEY" in text:
        raise Refused(f"{source.path}: the file with the CA certificate of {host} also has a private key")
    if not pem.load_all(text):
        raise Refused(f"{source.path}: the CA certificate of {host} is not in PEM")
    return source.data
