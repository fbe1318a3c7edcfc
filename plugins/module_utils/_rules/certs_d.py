# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""CA certificates of private mirrors: check the text, and name the files where the engine reads them.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: it touches nothing.

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

SHARED_SINCE: versions.Version = (28, 0, 0)
"""With the containerd image store, engines since this version read the certificates of mirrors in C(docker.io), and trust them for
Docker Hub as well (seen on 28.5.2; moby daemon/hosts.go since 28.0.0). All others read them in the folder of the mirror's own host."""

HUB = "docker.io"
"""How the folder of Docker Hub is called."""

SIZE_LIMIT = 1024 * 1024
"""Bytes of one host's certificates, and of one file that is looked at, at the most."""

_NAME = "pullthrough-docker"
_HOST = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?\Z")
_BLOCK = re.compile(r"^-----BEGIN ([A-Z0-9 ]*)-----[ \t\r]*\n([^-]*)^-----END \1-----[ \t\r]*$", re.MULTILINE)


class CertificateError(ValueError):
    """Certificates that no engine could use; the text says whose, which and why, and quotes nothing of them."""


class _Certificate(NamedTuple):
    is_ca: bool
    not_after: Optional[str]
    """As the ssl module writes it, None where C(is_ca) is false."""


# -- where -----------------------------------------------------------------------------------------------------------


def host_of(mirror: str) -> str:
    """The host, and the port where the URL has one, spelled as in the URL: so the folder is called (moby registry/registry.go)."""
    return mirror.partition("://")[2].partition("/")[0]


def is_shared(image_store: Optional[str], version: Optional[versions.Version]) -> bool:
    """Whether the engine reads the certificates of mirrors in C(docker.io). Where that is unknown, trust for Docker Hub is not given.

    :param image_store: C(containerd), C(graphdriver), or None when unknown.
    """
    return image_store == "containerd" and version is not None and version >= SHARED_SINCE


def files(certificates: Mapping[str, str], *, image_store: Optional[str], version: Optional[versions.Version], folder: str) -> Dict[str, bytes]:
    """The files to be written, path and content, one for each host, ordered by host.

    :param certificates: C(host) or C(host:port), and the text of its certificates, as L(check) lets them pass.
    :param image_store: C(containerd), C(graphdriver), or None when unknown.
    :param folder: the engine's C(certs.d).
    """
    place = 1 if is_shared(image_store, version) else 0
    return {ours(host, folder)[place]: _bytes(certificates[host].rstrip() + "\n") for host in sorted(certificates)}


def ours(host: str, folder: str) -> List[str]:
    """Where a file of ours may lie for this host: in the folder of its own, and in that of C(docker.io)."""
    return [os.path.join(folder, host, f"{_NAME}.crt"), os.path.join(folder, HUB, f"{_NAME}-{host}.crt")]


# -- check -----------------------------------------------------------------------------------------------------------


def check(certificates: Mapping[str, str], mirrors: Sequence[str]) -> None:
    """Refuse what no engine could use. With the containerd image store since 28.0.0 one file without a certificate in C(docker.io)
    ends every pull from Docker Hub (moby daemon/hosts.go, containerd core/remotes/docker/config/hosts.go).

    A certificate that is not a CA's passes: engines take it as the mirror's own (Go crypto/x509 Verify; seen with Go 1.19).

    :param mirrors: the declared ones.
    :raises CertificateError: with the host, and which of its certificates, counted from 1.
    """
    declared = [host_of(mirror) for mirror in mirrors]
    for host, text in certificates.items():
        if not isinstance(host, str) or not is_host(host):
            _refuse(host, "it is not a host or host:port; write it as in the mirror's URL, such as cache.example.com:5000")
        if host not in declared:
            _refuse(host, f"no declared mirror has this host; write it as in the mirror's URL (hosts there: {', '.join(dict.fromkeys(declared)) or 'none'})")
        _check_text(host, text)


def warnings(certificates: Mapping[str, str], now: float) -> List[str]:
    """What is to be said of certificates that L(check) let pass.

    :param now: seconds since the epoch.
    """
    said = []
    for host in sorted(certificates):
        for number, certificate in enumerate(load_all(certificates[host]), 1):
            which = f"ca_certificates: certificate {number} of {host}"
            if not certificate.is_ca:
                said.append(f"{which} is not a CA's: engines take it as the mirror's own certificate, and trust nothing that it has signed.")
            elif certificate.not_after and ssl.cert_time_to_seconds(certificate.not_after) < now:
                said.append(f"{which} expired on {certificate.not_after}: engines trust nothing that it has signed.")
    return said


def _check_text(host: str, text: object) -> None:
    if not isinstance(text, str):
        _refuse(host, "its value is not text; give the certificates themselves, in PEM")
    if len(_bytes(text)) > SIZE_LIMIT:
        _refuse(host, f"its text is larger than {SIZE_LIMIT} bytes")
    if "PRIVATE KEY" in text:
        _refuse(host, "its text holds a private key, which no engine needs to trust a mirror; take it out, and make a new one if others have seen it")
    blocks = list(_blocks(text))
    if not blocks:
        _refuse(host, "its text holds no certificate; give the text itself (-----BEGIN CERTIFICATE-----), not the path of a file")
    for number, block in enumerate(blocks, 1):
        if block.kind not in ("", "CERTIFICATE"):
            _refuse(host, f"block {number} of its text is a {block.kind}, and engines read blocks called CERTIFICATE only")
        if block.content is None:
            _refuse(host, f"certificate {number} of its text is damaged: it has no END line, or lines that do not begin at the left, or no Base64")
        if _load(block.content) is None:
            _refuse(host, f"certificate {number} of its text is damaged: what its Base64 encodes is not one certificate")


def _refuse(host: object, why: str) -> NoReturn:
    # A user and password that someone wrote before the host are not to be shown.
    _user, at, name = str(host).rpartition("@")
    shown = f"***@{name}" if at else name
    raise CertificateError(f'ca_certificates, "{shown}": {why}.')


def is_host(host: str) -> bool:
    return bool(_HOST.match(host)) and ".." not in host


# -- PEM -------------------------------------------------------------------------------------------------------------


class _Block(NamedTuple):
    kind: str
    """As its BEGIN line says; empty where the block has no beginning or no end."""
    content: Optional[bytes]


def _blocks(text: str) -> Iterator[_Block]:
    """Each block of a PEM text as the engine would read it (Go encoding/pem Decode): from the left edge, and without headers."""
    for begin in re.finditer(r"-----BEGIN ", text):
        match = _BLOCK.match(text, begin.start())
        content = None
        if match:
            with contextlib.suppress(ValueError):
                content = base64.b64decode(re.sub(r"[ \t\r\n]", "", match.group(2)), validate=True)
        yield _Block(match.group(1) if match else "", content)


def _load(der: bytes) -> Optional[_Certificate]:
    """Let OpenSSL read one certificate; None where it cannot, or where something follows, which Go refuses and OpenSSL may not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=der)
        if _end(der) != len(der):
            return None
        found = context.get_ca_certs()  # Of a certificate that is not a CA's, the ssl module tells nothing.
        not_after = str(found[0]["notAfter"]) if found else None
        if not_after:
            ssl.cert_time_to_seconds(not_after)
    except (ssl.SSLError, ValueError):
        return None
    return _Certificate(bool(found), not_after)


def _end(der: bytes) -> int:
    """Where a certificate ends, by its length, which stands in the long form as it is more than 127 (X.690 8.1.3.5)."""
    octets = der[1] & 0x7F
    return 2 + octets + int.from_bytes(der[2 : 2 + octets], "big")


def load_all(text: str) -> List[_Certificate]:
    """The certificates that an engine would find in a text."""
    loaded = [_load(block.content) for block in _blocks(text) if block.kind == "CERTIFICATE" and block.content]
    return [certificate for certificate in loaded if certificate]


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")
