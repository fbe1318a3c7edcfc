# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Certificates in PEM texts, as engines read them.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice. Pure: no input, no output.
"""

from __future__ import annotations

import base64
import contextlib
import re
import ssl

from typing import Iterator, List, NamedTuple, Optional

_PARTIAL_CHAIN = 0x80000
"""X509_V_FLAG_PARTIAL_CHAIN: a certificate is trusted although it did not sign itself (named in Python 3.10)."""

_BLOCK = re.compile(r"^-----BEGIN ([A-Z0-9 ]*)-----[ \t\r]*\n([^-]*)^-----END \1-----[ \t\r]*$", re.MULTILINE)


class Certificate(NamedTuple):
    is_ca: bool
    not_after: Optional[str]
    """As the ssl module writes it, None where ``is_ca`` is false."""

    def has_expired(self, now: float) -> bool:
        """Return whether a CA certificate expired before a time, in seconds since the epoch."""
        return self.not_after is not None and ssl.cert_time_to_seconds(self.not_after) < now


class Block(NamedTuple):
    kind: str
    """As its BEGIN line says; empty where the block has no beginning or no end."""
    content: Optional[bytes]


def blocks(text: str) -> Iterator[Block]:
    """Yield each block of a PEM text as the engine reads it (Go encoding/pem Decode): not indented, without headers."""
    for begin in re.finditer(r"-----BEGIN ", text):
        match = _BLOCK.match(text, begin.start())
        content = None
        if match:
            with contextlib.suppress(ValueError):
                content = base64.b64decode(re.sub(r"[ \t\r\n]", "", match.group(2)), validate=True)
        yield Block(match.group(1) if match else "", content)


def load(der: bytes) -> Optional[Certificate]:
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
    return Certificate(bool(found), not_after)


def trust_without_issuers(context: ssl.SSLContext) -> None:
    """Make a client accept each certificate that it loads, also without its issuer, as Go does (crypto/x509 Verify)."""
    context.verify_flags |= _PARTIAL_CHAIN


def _end(der: bytes) -> int:
    """Return where a certificate ends. Its length has the long form, as it is more than 127 (X.690 8.1.3.5)."""
    octets = der[1] & 0x7F
    return 2 + octets + int.from_bytes(der[2 : 2 + octets], "big")


def load_all(text: str) -> List[Certificate]:
    """Return the certificates that an engine would find in a text."""
    loaded = [load(block.content) for block in blocks(text) if block.kind == "CERTIFICATE" and block.content]
    return [certificate for certificate in loaded if certificate]
