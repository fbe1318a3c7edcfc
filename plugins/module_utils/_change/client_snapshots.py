# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""A snapshot of the files that image clients other than the engine read. Each file is read once.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.pullthrough.docker.plugins.module_utils._change import client_certificates
from ansible_collections.pullthrough.docker.plugins.module_utils._change.client_certificates import HostCertificates
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._clients import podman
from ansible_collections.pullthrough.docker.plugins.module_utils._host.files import FileError
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import File, Host


class Problem(NamedTuple):
    """Why a file or folder of a client cannot be used."""

    path: str
    reason: str


class PodmanSnapshot(NamedTuple):
    """What the host has of Podman, Buildah, Skopeo and CRI-O."""

    found: bool
    """Whether one of them is installed."""
    has_crio: bool
    files: podman.Files
    own: File
    """Our file, whether it exists or not."""
    new_folders: List[str]
    """The folders of our file that do not exist, or did not exist before this run, outermost first."""
    parsed: Optional[podman.Reading]
    """What the clients make of the files, None where they cannot read one of them."""
    problems: List[Problem]
    certificates: Mapping[str, HostCertificates]
    """What there is for the hosts of mirrors: those of our file, and those that were asked for."""

    @property
    def reading(self) -> podman.Reading:
        """What the clients make of the files.

        :raises Refused: when they cannot read one of them.
        """
        if self.parsed is None:
            reasons = "; ".join(problem.reason.rstrip(".") for problem in self.problems)
            raise Refused(
                f"{reasons}. Podman, Buildah, Skopeo and CRI-O fail for every registry as long as this is so",
                "Fix or remove it, then run this again.",
            )
        return self.parsed


def take(host: Host, hosts: Sequence[str] = (), ca_files: Mapping[str, str] = MappingProxyType({})) -> PodmanSnapshot:
    """Read the files of the user who runs this: root's clients, or the user's own.

    :param hosts: the hosts of mirrors whose certificates are read.
    :param ca_files: the files of CA certificates that the user names, by host.
    """
    folders = podman.Folders(*host.containers_folders(), user=host.user())
    problems: List[Problem] = []
    paths = list(folders.main_files)
    for folder in folders.drop_in_folders:
        try:
            paths += host.files_in(folder, podman.SUFFIX)
        except FileError as exc:
            problems.append(Problem(folder, str(exc)))
    texts: Dict[str, bytes] = {}
    read = {path: host.file(path) for path in paths}
    for path, file in read.items():
        if file.unreadable:
            problems.append(Problem(path, str(file.unreadable)))
        elif file.data is None and path not in folders.main_files:
            problems.append(Problem(path, f"{path}: this symlink points to a file that does not exist"))
        elif file.data is not None:
            texts[path] = file.data
    files = podman.Files(folders, texts, [path for path in texts if host.is_link(path)])
    hosts = list(dict.fromkeys([*hosts, *_own_hosts(files)]))
    parsed = None if problems else _parsed(files, problems)
    return PodmanSnapshot(
        found=host.has_program(podman.PROGRAMS),
        has_crio=host.has_program(["crio"]),
        files=files,
        own=read.get(folders.own_file) or host.file(folders.own_file),
        new_folders=host.new_folders(folders.own_file),
        parsed=parsed,
        problems=problems,
        certificates=client_certificates.read(host, folders, hosts, ca_files),
    )


def _own_hosts(files: podman.Files) -> List[str]:
    """Return the hosts of the mirrors in our file."""
    path = files.folders.own_file
    try:
        return podman.hosts_of(podman.read_own(path, files.texts[path])[0]) if path in files.texts else []
    except podman.ConfError:  # Then nothing is changed.
        return []


def _parsed(files: podman.Files, problems: List[Problem]) -> Optional[podman.Reading]:
    try:
        return podman.Reading(files)
    except podman.ConfError as exc:
        problems.append(Problem(str(exc).partition(", line ")[0], str(exc)))
        return None
