# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Find files in the engine's certs.d that would break a pull.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import os
import stat

from typing import Iterator, List, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import certs_d

# -- what lies there -------------------------------------------------------------------------------------------------


def faults(folder: str, hosts: Sequence[str], besides: Sequence[str] = ()) -> List[str]:
    """What lies in the folders of these hosts and would break pulls, in sentences that name the file.

    An error there ends a pull, which then asks neither the next mirror nor Docker Hub (moby registry/registry.go
    ReadCertsDirectory; seen on 20.10.24 with a certificate without its key).

    :param folder: the engine's C(certs.d).
    :param hosts: as L(host_of) gives them, or C(docker.io) where L(is_shared).
    :param besides: files that are about to be written anew.
    """
    return [fault for host in dict.fromkeys(hosts) if certs_d.is_host(host) for fault in _faults_of(os.path.join(folder, host), besides)]


def _faults_of(folder: str, besides: Sequence[str]) -> Iterator[str]:
    ends = "and a pull that looks here ends, without asking another mirror or Docker Hub"
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return
    except OSError as exc:
        yield f"{folder} cannot be read ({exc.strerror}), {ends}."
        return
    for name in names:
        path = os.path.join(folder, name)
        if path in besides:
            continue
        stem, extension = os.path.splitext(name)
        if extension == ".cert" and f"{stem}.key" not in names:
            yield f"{path} is a client certificate without its key {stem}.key, {ends}. A CA's certificate is to be called .crt."
        if extension == ".key" and f"{stem}.cert" not in names:
            yield f"{path} is a key without its client certificate {stem}.cert, {ends}."
        if extension == ".crt":
            content, problem = _read(path)
            if content is None:
                yield f"{path} cannot be read ({problem}), {ends}."
            elif not certs_d.load_all(content):
                yield (
                    f"{path} holds no certificate in PEM, so engines trust nothing more for it, and those since 28.0 with the containerd image store "
                    "end a pull that looks here. Where it is DER: openssl x509 -inform DER -outform PEM."
                )


def _read(path: str) -> Tuple[Optional[str], Optional[str]]:
    """The text of a file, up to the limit, or why it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as exc:
        return None, exc.strerror
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None, "not a regular file"
    with os.fdopen(descriptor, "rb") as file:
        return file.read(certs_d.SIZE_LIMIT).decode(errors="replace"), None
