# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The change of the module ``client_mirrors``: the files of image clients other than the engine.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._change import client_certificates, client_snapshots
from ansible_collections.pullthrough.docker.plugins.module_utils._change.client_snapshots import PodmanSnapshot
from ansible_collections.pullthrough.docker.plugins.module_utils._change.model import Edit, FileOptions, FilePlan
from ansible_collections.pullthrough.docker.plugins.module_utils._change.refusal import Refused
from ansible_collections.pullthrough.docker.plugins.module_utils._clients import podman
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import certs_d, mirror_url
from ansible_collections.pullthrough.docker.plugins.module_utils._text import masking

CLIENTS = (podman.NAME,)


class Wish(NamedTuple):
    """What the user declares."""

    options: FileOptions
    registries: Mapping[str, Tuple[podman.Mirror, ...]]
    """The mirrors of each registry. Their order counts."""
    clients: Optional[Sequence[str]]
    """None for those that are found."""
    state: str
    exclusive: bool
    ca_files: Mapping[str, str]
    """Files with CA certificates, by the host of a mirror."""

    @property
    def is_absent(self) -> bool:
        return self.state == "absent"


def wish(params: Mapping[str, Any]) -> Wish:
    """Read the options of the module.

    :raises Refused: when they cannot be meant.
    """
    declared: Dict[str, Any] = {certs_d.HUB: params["mirrors"]} if params["mirrors"] else {}
    for registry, urls in params["registries"].items():
        _refuse_registry(registry, urls, is_absent=params["state"] == "absent")
        declared[registry] = urls
    if not declared:
        raise Refused("Neither mirrors nor registries names a registry", "Name at least one.")
    registries = {registry: _mirrors(urls) for registry, urls in declared.items()}
    strays = [host for host in params["ca_files"] if host not in podman.hosts_of(registries)]
    if strays:
        raise Refused(
            f"ca_files names {masking.mask(strays[0])}, which is the host of none of the mirrors",
            "Write the host as in the URL of the mirror, with its port.",
        )
    return Wish(
        FileOptions(params["backup"]),
        registries,
        params["clients"],
        params["state"],
        params["exclusive"],
        params["ca_files"],
    )


def _refuse_registry(registry: str, urls: Any, *, is_absent: bool) -> None:
    shown = masking.mask(registry)
    if registry in certs_d.HUB_NAMES:
        raise Refused(f"registries names {shown}, which is Docker Hub", "Name its mirrors in mirrors.")
    if not podman.is_registry(registry):
        raise Refused(f'registries: "{shown}" is not a registry', "Write a host such as ghcr.io, or host:port.")
    if not isinstance(urls, list):
        raise Refused(f"registries: {shown} must have a list of URLs")
    if not urls and not is_absent:
        raise Refused(f"registries: {shown} has no mirrors", "Name at least one, or use state: absent.")


def _mirrors(urls: Sequence[Any]) -> Tuple[podman.Mirror, ...]:
    try:
        mirrors = [podman.mirror(mirror_url.declare(url)) for url in urls]
    except (mirror_url.MirrorUrlError, podman.ConfError) as exc:
        raise Refused(str(exc).rstrip(".")) from exc
    return tuple(dict.fromkeys(mirrors))


def snapshot(host: Host, wanted: Wish) -> PodmanSnapshot:
    """Read what the host has, as far as the plan needs it."""
    return client_snapshots.take(host, podman.hosts_of(wanted.registries), wanted.ca_files)


def plan(seen: PodmanSnapshot, wanted: Wish) -> FilePlan:
    """Return what must be done on this host.

    :raises Refused: when it must not be done.
    """
    if not _is_meant(seen, wanted):
        warning = f"This host has none of {', '.join(podman.PROGRAMS)}. Name a client in clients to configure it now."
        return FilePlan([], {"clients": []}, [warning])
    if seen.own.problem:
        raise seen.own.problem
    own, folders = _own(seen)
    after = _own_after(seen, wanted, own)
    named = podman.hosts_of(wanted.registries)
    certificates = client_certificates.edits(
        seen.certificates,
        before=list(dict.fromkeys([*podman.hosts_of(own), *named])),
        after=list(dict.fromkeys([*podman.hosts_of(after), *([] if wanted.is_absent else named)])),
    )
    made = _made_folders(seen, folders, certificates)
    text = podman.own_text(after, made) if after else None
    coming = podman.Reading(seen.files.with_own(text))
    if not wanted.is_absent:
        _refuse_overruled(coming, wanted)
    edits = [
        # A mirror comes after the certificate that it needs, and goes before it.
        *(certificate for certificate in certificates if certificate.after is not None),
        Edit(seen.own.path, seen.own.data, text, made_folders=made),
        *(certificate for certificate in certificates if certificate.after is None),
    ]
    warnings = [*_left(coming, wanted)] if wanted.is_absent else [*_cautions(coming, wanted)]
    return FilePlan(edits, {"clients": [_row(seen, coming, wanted, edits)]}, warnings)


def _row(seen: PodmanSnapshot, coming: podman.Reading, wanted: Wish, edits: Sequence[Edit]) -> Dict[str, Any]:
    """Return what the module returns of the client, besides what only the host can say after the change."""
    needs_reload = seen.has_crio and any(edit.changes for edit in edits)
    reason = "CRI-O reads its files only at a start or a reload. Run: systemctl reload crio"
    return {
        "client": podman.NAME,
        "found": seen.found,
        "version": None,
        "registries": {
            registry: {
                "mirrors": shown(coming.mirrors(registry)),
                "previous_mirrors": shown(seen.reading.mirrors(registry)),
            }
            for registry in wanted.registries
        },
        "pending": "reload" if needs_reload else "none",
        "pending_reasons": [reason] if needs_reload else [],
    }


def result(made: FilePlan, after: PodmanSnapshot) -> Dict[str, Any]:
    """Return the return values of this module, with what is in force by the rules of the clients.

    :param after: the host as it is in the end; in check mode, as it is now.
    """
    rows = []
    for row in made.result["clients"]:
        registries = {
            registry: {**lists, "in_force": shown(after.parsed.mirrors(registry) if after.parsed else None)}
            for registry, lists in row["registries"].items()
        }
        rows.append({**row, "files": files(after), "registries": registries})
    return {"clients": rows}


def files(seen: PodmanSnapshot) -> List[Dict[str, Any]]:
    """Return the files that the clients read."""
    texts = seen.files.texts
    return [{"path": masking.mask(path), "ours": podman.is_ours(data)} for path, data in sorted(texts.items())]


def shown(mirrors: Optional[Sequence[str]]) -> Optional[List[str]]:
    """Return a list of mirrors, masked so that it is safe to show: files of others can have passwords in them."""
    return None if mirrors is None else [masking.mask(mirror) for mirror in mirrors]


# -- our file --------------------------------------------------------------------------------------------------------


def _is_meant(seen: PodmanSnapshot, wanted: Wish) -> bool:
    return seen.found if wanted.clients is None else podman.NAME in wanted.clients


def _own(seen: PodmanSnapshot) -> Tuple[podman.Own, List[str]]:
    """Return what our file has, and the folders that were made for it."""
    if seen.own.data is None:
        return {}, []
    try:
        return podman.read_own(seen.files.folders.own_file, seen.own.data)
    except podman.ConfError as exc:
        raise Refused(str(exc), "Move what it has to a file of another name, then run this again.") from exc


def _own_after(seen: PodmanSnapshot, wanted: Wish, own: podman.Own) -> podman.Own:
    """Return what our file must have."""
    reading = seen.reading
    if wanted.is_absent:
        return {registry: mirrors for registry, mirrors in own.items() if registry not in wanted.registries}
    after = dict(own)
    for registry, mirrors in wanted.registries.items():
        _refuse_others(reading, wanted, registry)
        if not all(podman.says(entry, registry, mirrors) for entry in reading.of(registry).values()):
            after[registry] = mirrors
    return after


def _made_folders(seen: PodmanSnapshot, known: Sequence[str], certificates: Sequence[Edit]) -> List[str]:
    """Return the folders that were made for our files, outermost first."""
    made = {*known, *(seen.new_folders if seen.own.data is None else [])}
    for edit in certificates:
        if edit.after is not None:
            made.update(edit.made_folders or [])
    return sorted(made)


# -- refusals and cautions -------------------------------------------------------------------------------------------


def _refuse_others(reading: podman.Reading, wanted: Wish, registry: str) -> None:
    """Refuse what other files say of a registry, unless they say the same."""
    mirrors = wanted.registries[registry]
    others = [entry for entry in reading.naming(registry) if not podman.says(entry, registry, mirrors)]
    for entry in others:
        if entry.blocked:
            raise Refused(
                f"{entry.place}: this entry blocks {registry}, and a file of this collection would allow it again",
                "Add the mirrors to this entry by hand, which keeps it blocked, or remove the entry.",
            )
    if others and not wanted.exclusive:
        places = " and ".join(entry.place for entry in others)
        lines = " ".join(
            f'[[registry.mirror]] location = "{mirror.location}"{" insecure = true" if mirror.insecure else ""}'
            for mirror in mirrors
        )
        raise Refused(
            f"Another file configures {registry}: {places}. A file of this collection would replace the whole entry",
            f"Add the mirrors to it by hand ({lines}), or set exclusive: true to replace it.",
        )


def _refuse_overruled(coming: podman.Reading, wanted: Wish) -> None:
    """Refuse a file that would not come into force."""
    folders = coming.files.folders
    for registry, mirrors in wanted.registries.items():
        for generation, entry in coming.of(registry).items():
            if podman.says(entry, registry, mirrors):
                continue
            if folders.main_files[0] in coming.files.texts and folders.user == 0:
                raise Refused(
                    f"{folders.main_files[0]} hides {folders.own_file} from root's clients of {generation}",
                    f"Move what it has to {folders.main_files[1]}, and remove it.",
                )
            where = f"{entry.place}: {generation} reads this entry" if entry else f"{generation} reads another file"
            raise Refused(
                f"{where} after {folders.own_file}, or does not read that file",
                f"Remove the entry for {registry}, or give its file a name that sorts before.",
            )


def _cautions(coming: podman.Reading, wanted: Wish) -> Iterator[str]:
    for registry, mirrors in wanted.registries.items():
        for entry in coming.parts(registry):
            yield f"{entry.place}: images below {entry.prefix} do not use the mirrors, as this entry is for them."
        for mirror in mirrors:
            if mirror.insecure:
                yield (
                    f"{mirror.url} is plain HTTP. Podman then also accepts TLS with any certificate from it. Anyone on "
                    "the network path can change images that are pulled by tag."
                )
            if mirror.location == "mirror.gcr.io":
                yield (
                    f"{mirror.url} does not have all layers of all images. If it has an image and not one of its "
                    "layers, Podman does not ask Docker Hub for the layer, and the pull fails. A cache of your own "
                    "gets every layer."
                )


def _left(coming: podman.Reading, wanted: Wish) -> Iterator[str]:
    """Yield what is still in force of registries that must have no mirrors: files of others stay."""
    for registry in wanted.registries:
        for entry in dict.fromkeys(coming.of(registry).values()):
            if entry and entry.mirrors:
                yield f"{entry.place}: {registry} still has mirrors here. This module does not change files of others."
