# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""CA certificates of private mirrors: check the text, and name the files where the engine reads them.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.

Engines read certificates again for each pull, without a reload (seen on 20.10.24, 26.1.5, 28.5.2).
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import ssl

from typing import Dict, Iterator, List, Mapping, NamedTuple, NoReturn, Optional, Sequence

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import versions

HUB = "docker.io"
"""Name of the folder of Docker Hub."""

SIZE_LIMIT = 1024 * 1024
"""Maximum bytes of the certificates of one host, and of one file that is read."""

_NAME = "pullthrough-docker"
_HOST = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?\Z")
_BLOCK = re.compile(r"^-----BEGIN ([A-Z0-9 ]*)-----[ \t\r]*\n([^-]*)^-----END \1-----[ \t\r]*$", re.MULTILINE)


class CertificateError(ValueError):
    """Certificates that no engine could use; the text says whose, which and why, and quotes nothing of them."""


class _Certificate(NamedTuple):
    is_ca: bool
    not_after: Optional[str]
    """As the ssl module writes it, None where ``is_ca`` is false."""


# -- where -----------------------------------------------------------------------------------------------------------


def host_of(mirror: str) -> str:
    """Return host, or host:port, as in the URL: the name of the mirror's folder (moby registry/registry.go)."""
    return mirror.partition("://")[2].partition("/")[0]


def is_shared(image_store: Optional[str], version: Optional[versions.Version]) -> bool:
    """Return whether the engine reads the certificates of mirrors in ``docker.io``; see ``versions``."""
    return versions.shares_docker_io(image_store, version)


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
    place = 1 if is_shared(image_store, version) else 0
    return {ours(host, folder)[place]: _bytes(certificates[host].rstrip() + "\n") for host in sorted(certificates)}


def ours(host: str, folder: str) -> List[str]:
    """Return the two paths where this collection may write for a host: its own folder, and the one of ``docker.io``."""
    return [os.path.join(folder, host, f"{_NAME}.crt"), os.path.join(folder, HUB, f"{_NAME}-{host}.crt")]


# -- check -----------------------------------------------------------------------------------------------------------


def check(certificates: Mapping[str, str], mirrors: Sequence[str]) -> None:
    """Refuse what no engine could use.

    In a folder ``docker.io`` that mirrors share, one file without a certificate ends every pull from Docker Hub (moby
    daemon/hosts.go, containerd core/remotes/docker/config/hosts.go). A certificate that is not a CA certificate passes:
    engines accept it as the mirror's own (Go crypto/x509 Verify; seen with Go 1.19).

    :param mirrors: the declared ones.
    :raises CertificateError: with the host, and which of its certificates, counted from 1.
    """
    as_in_url = "write it as in the mirror's URL"
    declared = [host_of(mirror) for mirror in mirrors]
    for host, text in certificates.items():
        if not isinstance(host, str) or not is_host(host):
            _refuse(host, f"it is not a host or host:port; {as_in_url}, such as cache.example.com:5000")
        if host not in declared:
            known = ", ".join(dict.fromkeys(declared)) or "none"
            _refuse(host, f"no declared mirror has this host; {as_in_url} (hosts there: {known})")
        _check_text(host, text)


def warnings(certificates: Mapping[str, str], now: float) -> List[str]:
    """Return warnings, as sentences, about certificates that passed ``check``.

    :param now: seconds since the epoch.
    """
    found = []
    for host in sorted(certificates):
        for number, certificate in enumerate(load_all(certificates[host]), 1):
            which = f"ca_certificates: certificate {number} of {host}"
            if not certificate.is_ca:
                found.append(
                    f"{which} is not a CA certificate: engines accept it as the mirror's own certificate, "
                    "and trust nothing that it signed."
                )
            elif certificate.not_after and ssl.cert_time_to_seconds(certificate.not_after) < now:
                found.append(f"{which} expired on {certificate.not_after}: engines trust nothing that it signed.")
    return found


def _check_text(host: str, text: object) -> None:
    if not isinstance(text, str):
        _refuse(host, "its value is not text; give the certificates themselves, in PEM")
    if len(_bytes(text)) > SIZE_LIMIT:
        _refuse(host, f"its text is larger than {SIZE_LIMIT} bytes")
    if "PRIVATE KEY" in text:
        _refuse(
            host,
            "its text contains a private key, which no engine needs to trust a mirror; "
            "remove it, and make a new key if others have seen this one",
        )
    blocks = list(_blocks(text))
    if not blocks:
        _refuse(
            host,
            "its text contains no certificate; "
            "give the text itself (-----BEGIN CERTIFICATE-----), not the path of a file",
        )
    for number, block in enumerate(blocks, 1):
        _check_block(host, number, block)


def _check_block(host: str, number: int, block: _Block) -> None:
    if block.kind not in ("", "CERTIFICATE"):
        _refuse(host, f"block {number} of its text is a {block.kind}, and engines read only CERTIFICATE blocks")
    damaged = f"certificate {number} of its text is damaged"
    if block.content is None:
        _refuse(host, f"{damaged}: its END line is missing, its lines are indented, or it is not Base64")
    if _load(block.content) is None:
        _refuse(host, f"{damaged}: its Base64 does not decode to exactly one certificate")


def _refuse(host: object, why: str) -> NoReturn:
    # Do not show a user and password that someone wrote before the host.
    _user, at, name = str(host).rpartition("@")
    shown = f"***@{name}" if at else name
    raise CertificateError(f'ca_certificates, "{shown}": {why}.')


def is_host(host: str) -> bool:
    """Return whether a text is a host or host:port that can safely name a folder."""
    return bool(_HOST.match(host)) and ".." not in host


# -- PEM -------------------------------------------------------------------------------------------------------------


class _Block(NamedTuple):
    kind: str
    """As its BEGIN line says; empty where the block has no beginning or no end."""
    content: Optional[bytes]


def _blocks(text: str) -> Iterator[_Block]:
    """Yield each block of a PEM text as the engine reads it (Go encoding/pem Decode): not indented, without headers."""
    for begin in re.finditer(r"-----BEGIN ", text):
        match = _BLOCK.match(text, begin.start())
        content = None
        if match:
            with contextlib.suppress(ValueError):
                content = base64.b64decode(re.sub(r"[ \t\r\n]", "", match.group(2)), validate=True)
        yield _Block(match.group(1) if match else "", content)


def _load(der: bytes) -> Optional[_Certificate]:
    """Return one certificate as OpenSSL reads it; None if it cannot, or if more bytes follow, which Go refuses."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=der)
        if _end(der) != len(der):
            return None
        found = context.get_ca_certs()  # The ssl module shows nothing of a certificate that is not a CA certificate.
        not_after = str(found[0]["notAfter"]) if found else None
        if not_after:
            ssl.cert_time_to_seconds(not_after)
    except (ssl.SSLError, ValueError):
        return None
    return _Certificate(bool(found), not_after)


def _end(der: bytes) -> int:
    """Return where a certificate ends. Its length has the long form, as it is more than 127 (X.690 8.1.3.5)."""
    octets = der[1] & 0x7F
    return 2 + octets + int.from_bytes(der[2 : 2 + octets], "big")


def load_all(text: str) -> List[_Certificate]:
    """Return the certificates that an engine would find in a text."""
    loaded = [_load(block.content) for block in _blocks(text) if block.kind == "CERTIFICATE" and block.content]
    return [certificate for certificate in loaded if certificate]


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")
