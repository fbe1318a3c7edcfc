# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""TLS to a registry as an engine does it: what it trusts, and which ciphers it offers.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.

Engines use Go's TLS, and not OpenSSL. Where the two differ, the settings here are those of Go (crypto/tls,
crypto/x509): no Common Name in place of a name, none of OpenSSL's strict checks of CAs, no key exchange by RSA or by
finite fields, keys from 1024 bits on, and each certificate of the system is trusted without its issuer.
"""

from __future__ import annotations

import os
import ssl

from typing import List, Mapping, Optional, Sequence, Tuple

from ansible_collections.pullthrough.docker.plugins.module_utils._host import files
from ansible_collections.pullthrough.docker.plugins.module_utils._text import pem

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:@SECLEVEL=1"

_SYSTEM_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""The files with the system's CAs, of which Go reads the first that exists (crypto/x509 root_linux.go)."""

_SYSTEM_FOLDERS = ("/etc/ssl/certs", "/etc/pki/tls/certs")

_CA_LIMIT = 4 * 1024 * 1024
"""The most bytes of one file of CAs that are read."""


class TrustError(Exception):
    """A file that the engine itself could not use either."""


class SystemCas:
    """The CAs that an engine takes from its system: from the usual places, or from those that its environment names."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """:param environment: of the engine."""
        named, folders = environment.get("SSL_CERT_FILE"), environment.get("SSL_CERT_DIR")
        self._files = (named,) if named else _SYSTEM_FILES
        self._folders: Sequence[str] = folders.split(":") if folders else _SYSTEM_FOLDERS
        self._is_usual = not named and not folders

    def load(self, context: ssl.SSLContext) -> List[str]:
        """Let a context trust these CAs, and return the places if they are not the usual ones."""
        if self._is_usual:
            context.load_default_certs()
            return []
        for path in [*self._first_file(), *(path for folder in self._folders for path in paths_in(folder))]:
            text = files.text_of(path, _CA_LIMIT)
            if "-----BEGIN CERTIFICATE-----" in text:
                _load_text(context, text)
        return [place for place in (*self._files, *self._folders) if place not in (*_SYSTEM_FILES, *_SYSTEM_FOLDERS)]

    def changed_after(self, started: Optional[float]) -> Optional[str]:
        """Return the file of CAs that was written after a time (of ``time.time``), or None. Go reads them only once."""
        if started is None:
            return None
        return next((path for path in self._first_file() if os.stat(path).st_mtime > started), None)

    def _first_file(self) -> List[str]:
        """Return the file of CAs that Go reads, as a list of one path or none."""
        return [path for path in self._files if os.path.exists(path)][:1]


def context(
    cas: SystemCas, folder: str, certificates: Optional[str], *, is_verified: bool
) -> Tuple[ssl.SSLContext, List[str]]:
    """Return a context that trusts what the engine trusts, and the places it was built from besides the system's.

    :param folder: the engine's folder of certificates for the registry.
    :param certificates: a text of CAs that are not written there yet.
    :raises TrustError: if a file of the folder, or this text, cannot be used.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers(_CIPHERS)
    made.hostname_checks_common_name = False
    pem.trust_without_issuers(made)
    if not is_verified:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
        return made, []
    places = cas.load(made)
    places += [path for path in paths_in(folder) if _load(made, path)]
    if certificates:
        try:
            _load_text(made, certificates)
        except (OSError, ValueError) as exc:
            raise TrustError(f"ca_certificates cannot be used: {exc}") from exc
        places.append("ca_certificates")
    return made, places


def _load_text(made: ssl.SSLContext, text: str) -> None:
    """Let a context trust the CAs in a text. The ssl module refuses letters beyond ASCII, which comments may hold."""
    made.load_verify_locations(cadata=text.encode("ascii", errors="ignore").decode())


def _load(made: ssl.SSLContext, path: str) -> bool:
    """Load a file of the engine's folder of certificates, and return whether it is one that engines use."""
    stem, extension = os.path.splitext(path)
    try:
        if extension == ".crt":
            made.load_verify_locations(path)
        elif extension == ".cert":
            made.load_cert_chain(path, f"{stem}.key")
        else:
            return False
    except OSError as exc:  # An SSLError is one too.
        raise TrustError(f"{path} cannot be used: {exc.strerror or exc}") from exc
    return True


def paths_in(folder: str) -> List[str]:
    """Return the sorted paths in a folder. A folder that is missing or cannot be listed counts as empty."""
    try:
        return sorted(os.path.join(folder, name) for name in os.listdir(folder))
    except OSError:
        return []
