# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Check the CA certificates that the user declares for mirrors.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

from typing import List, Mapping, NoReturn, Sequence

from ansible_collections.pullthrough.docker.plugins.module_utils._rules.certs_d import (
    SIZE_LIMIT,
    CertificateError,
    encoded,
    host_of,
    is_host,
)
from ansible_collections.pullthrough.docker.plugins.module_utils._text import pem


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
        for number, certificate in enumerate(pem.load_all(certificates[host]), 1):
            which = f"ca_certificates: certificate {number} of {host}"
            if not certificate.is_ca:
                found.append(
                    f"{which} is not a CA certificate: engines accept it as the mirror's own certificate, "
                    "and trust nothing that it signed."
                )
            elif certificate.has_expired(now):
                found.append(f"{which} expired on {certificate.not_after}: engines trust nothing that it signed.")
    return found


def _check_text(host: str, text: object) -> None:
    if not isinstance(text, str):
        _refuse(host, "its value is not text; give the certificates themselves, in PEM")
    if len(encoded(text)) > SIZE_LIMIT:
        _refuse(host, f"its text is larger than {SIZE_LIMIT} bytes")
    if "PRIVATE KEY" in text:
        _refuse(
            host,
            "its text contains a private key, which no engine needs to trust a mirror; "
            "remove it, and make a new key if others have seen this one",
        )
    blocks = list(pem.blocks(text))
    if not blocks:
        _refuse(
            host,
            "its text contains no certificate; "
            "give the text itself (-----BEGIN CERTIFICATE-----), not the path of a file",
        )
    for number, block in enumerate(blocks, 1):
        _check_block(host, number, block)


def _check_block(host: str, number: int, block: pem.Block) -> None:
    if block.kind not in ("", "CERTIFICATE"):
        _refuse(host, f"block {number} of its text is a {block.kind}, and engines read only CERTIFICATE blocks")
    damaged = f"certificate {number} of its text is damaged"
    if block.content is None:
        _refuse(host, f"{damaged}: its END line is missing, its lines are indented, or it is not Base64")
    if pem.load(block.content) is None:
        _refuse(host, f"{damaged}: its Base64 does not decode to exactly one certificate")


def _refuse(host: object, why: str) -> NoReturn:
    # Do not show a user and password that someone wrote before the host.
    _user, at, name = str(host).rpartition("@")
    shown = f"***@{name}" if at else name
    raise CertificateError(f'ca_certificates, "{shown}": {why}.')
