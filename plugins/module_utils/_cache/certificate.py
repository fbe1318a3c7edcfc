# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Check the certificate of a cache as a client would: with a handshake, in memory.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import datetime
import ssl

from typing import NamedTuple, Optional, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._text import pem

ENDS_SOON = 30
"""Days before the end of a certificate from which on a warning is given."""

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME: an expired certificate passes, so that its end can be read."""

_HOSTNAME_MISMATCH, _IP_MISMATCH = 62, 64
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""

_DAY = 86400


class CertificateError(Exception):
    """A certificate that no client would accept. The text says why, without a period."""


class Certificate(NamedTuple):
    begin: float
    """Seconds since the epoch."""
    end: float

    def days_left(self, now: float) -> int:
        return int((self.end - now) // _DAY)


def read(path: str, key: str, name: str) -> Certificate:
    """Return the validity of a certificate.

    :param name: the name under which clients reach the cache.
    :raises CertificateError: if the file cannot be read, has not this name, or does not match the key.
    """
    server, client = _contexts(path, key)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(incoming, outgoing, server_hostname=name)
    far = server.wrap_bio(outgoing, incoming, server_side=True)
    try:
        for _flight in range(8):
            if all([_shakes_hands(near), _shakes_hands(far)]):  # Each side goes on, even if the other one waits.
                break
    except ssl.SSLCertVerificationError as exc:
        if exc.verify_code in (_HOSTNAME_MISMATCH, _IP_MISMATCH):
            raise CertificateError(f"{path} does not have the name {name}, by which clients call the cache") from exc
        raise CertificateError(f"{path} is not accepted by a client: {exc.verify_message}") from exc
    except (ssl.SSLError, ValueError) as exc:
        raise CertificateError(f"{path}: the handshake with it fails: {exc}") from exc
    found = near.getpeercert() or {}
    begin, end = (ssl.cert_time_to_seconds(str(found[field])) for field in ("notBefore", "notAfter"))
    return Certificate(begin, end)


def _contexts(path: str, key: str) -> Tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the contexts of a server with this certificate, and of a client that trusts only it."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    pem.trust_without_issuers(client)
    client.verify_flags |= _NO_CHECK_TIME
    try:
        server.load_cert_chain(path, key, password=_no_password)
        client.load_verify_locations(path)
    except ssl.SSLError as exc:
        if exc.reason == "KEY_VALUES_MISMATCH":
            raise CertificateError(f"{key} is not the key of the certificate in {path}") from exc
        text = f"{path} and {key} are not a certificate and its key in PEM, without a password"
        raise CertificateError(text) from exc
    except OSError as exc:
        raise CertificateError(f"{path} and {key} cannot be read: {exc.strerror}") from exc
    return server, client


def _no_password() -> str:
    """Return an empty password. Without this function, OpenSSL would ask for one at the terminal."""
    return ""


def _shakes_hands(side: ssl.SSLObject) -> bool:
    """Go on with a handshake, and return whether this side has ended it."""
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def problem(certificate: Certificate, path: str, now: float) -> Optional[str]:
    """Return why clients do not accept a certificate at this time, or None."""
    if now >= certificate.end:
        return f"{path} expired on {date(certificate.end)}"
    if now < certificate.begin:
        return f"{path} is valid only from {date(certificate.begin)} on. The clock of this host may be wrong"
    return None


def date(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d")
