# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""CA certificates of mirrors in the engine's ``certs.d``: what is there, what would break a pull, and what changes.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

import os

from typing import Collection, Iterator, List, Mapping, NamedTuple, Sequence

from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import File, Folder, Host
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import certs_d

_ENDS = "and a pull that looks here ends, without asking another mirror or Docker Hub"


class CertsD(NamedTuple):
    """What the host has of certificates for some mirrors."""

    folder: str
    files: Mapping[str, File]
    """The files of this collection, by their paths, those that do not exist included."""
    folders: Mapping[str, Folder]
    """The folders of these hosts, and of ``docker.io``, by host."""


def read(host: Host, mirrors: Sequence[str]) -> CertsD:
    """Read what the host has for these mirrors."""
    folder = host.certs_folder()
    names = [name for name in dict.fromkeys(map(certs_d.host_of, mirrors)) if certs_d.is_host(name)]
    return CertsD(
        folder,
        {path: host.file(path) for name in names for path in certs_d.ours(name, folder)},
        {name: host.folder(os.path.join(folder, name), [".crt"]) for name in [*names, certs_d.HUB]},
    )


def faults(found: CertsD, hosts: Sequence[str], besides: Collection[str] = ()) -> List[str]:
    """Return what would break pulls in the folders of these hosts, in sentences that name the file.

    An error there ends a pull, which then asks neither the next mirror nor Docker Hub (moby registry/registry.go
    ReadCertsDirectory; seen on 20.10.24 with a certificate without its key).

    :param hosts: as ``certs_d.host_of`` returns them, or ``docker.io`` where mirrors share that folder.
    :param besides: files that are about to be written.
    """
    folders = [found.folders[host] for host in dict.fromkeys(hosts) if host in found.folders]
    return [fault for folder in folders for fault in _faults_of(folder, besides)]


def _faults_of(folder: Folder, besides: Collection[str]) -> Iterator[str]:
    if folder.problem:
        yield f"{folder.path} cannot be read ({folder.problem}), {_ENDS}."
    for name, (text, problem) in folder.texts.items():
        path = os.path.join(folder.path, name)
        if path in besides:
            continue
        stem, extension = os.path.splitext(name)
        if extension == ".cert" and f"{stem}.key" not in folder.texts:
            yield (
                f"{path} is a client certificate without its key {stem}.key, {_ENDS}. "
                "The name of a CA's certificate must end with .crt."
            )
        if extension == ".key" and f"{stem}.cert" not in folder.texts:
            yield f"{path} is a key without its client certificate {stem}.cert, {_ENDS}."
        if extension == ".crt" and problem:
            yield f"{path} cannot be read ({problem}), {_ENDS}."
        elif extension == ".crt" and not _has_certificate(text or ""):
            yield (
                f"{path} holds no certificate in PEM. Engines then trust nothing more for it, and those since 28.0 "
                "with the containerd image store end a pull that looks here. If it is DER, convert it: "
                "openssl x509 -inform DER -outform PEM."
            )


def _has_certificate(text: str) -> bool:
    # Most hosts have no file there, and their run does not import the ssl module.
    from ansible_collections.pullthrough.docker.plugins.module_utils._text import pem

    return bool(pem.load_all(text))
