# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CA certificates of mirrors: what is accepted, refused and warned about. The tests make the certificates."""

from __future__ import annotations

import base64
import datetime
import time

import pytest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import ca_certificates, certs_d

KEY = ec.generate_private_key(ec.SECP256R1())
SECRET = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
MIRRORS = ["https://a.example:5000/", "https://b.example/hub/x", "https://[::1]:5000"]
HOSTS = ["a.example:5000", "b.example", "[::1]:5000"]
HOST = HOSTS[0]


def at(year: int) -> datetime.datetime:
    return datetime.datetime(year, 1, 1, tzinfo=datetime.timezone.utc)


def certificate(name: str, is_ca: bool = True, until: int = 2400) -> bytes:
    """Return a self-signed certificate, in DER."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, KEY.public_key(), 4711, at(2020), at(until))
    builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def short_certificate() -> bytes:
    """Return a certificate of less than 256 bytes, whose length takes one octet."""
    key = ed25519.Ed25519PrivateKey.generate()
    builder = x509.CertificateBuilder(x509.Name([]), x509.Name([]), key.public_key(), 4711, at(2020), at(2400))
    return builder.sign(key, None).public_bytes(serialization.Encoding.DER)


def pem(der: bytes, kind: str = "CERTIFICATE") -> str:
    return f"-----BEGIN {kind}-----\n{base64.encodebytes(der).decode()}-----END {kind}-----\n"


DER = certificate("one")
ONE, TWO = pem(DER), pem(certificate("two"))
OLD, LEAF = pem(certificate("old", until=2024)), pem(certificate("leaf", is_ca=False))

TAKEN = {
    "one": ONE,
    "two": ONE + TWO,
    "CRLF": ONE.replace("\n", "\r\n"),
    "one long line": f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(DER).decode()}\n-----END CERTIFICATE-----",
    "text around it": f"subject=CN = one\nMüller\n{ONE}and more\n",
    "a server's own certificate": LEAF,
    "an expired one": OLD,
    "a short one": pem(short_certificate()),
    "not Unicode": f"M\udcfcller\n{ONE}",
    "the size limit": ONE + "#" * (certs_d.SIZE_LIMIT - len(ONE)),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("text", TAKEN.values(), ids=TAKEN)
@pytest.mark.parametrize("host", HOSTS)
def test_taken(host, text):
    ca_certificates.check({host: text}, MIRRORS)


NOT_A_HOST = "it is not a host or host:port; write it as in the mirror's URL, such as cache.example.com:5000"


def no_mirror(hosts):
    return f"no declared mirror has this host; write it as in the mirror's URL (hosts there: {hosts})"


OF_NO_MIRROR = no_mirror(", ".join(HOSTS))

REFUSED_HOSTS = {
    # name: (host, mirrors, the host that is shown, why)
    "no mirror's": ("c.example", MIRRORS, "c.example", OF_NO_MIRROR),
    "no port": ("a.example", MIRRORS, "a.example", OF_NO_MIRROR),
    "another port": ("b.example:443", MIRRORS, "b.example:443", OF_NO_MIRROR),
    "another case": ("A.example:5000", MIRRORS, "A.example:5000", OF_NO_MIRROR),
    "no mirrors": ("a.example", [], "a.example", no_mirror("none")),
    "a mirror twice": ("a.example", ["https://b.example", "https://b.example/"], "a.example", no_mirror("b.example")),
    "a URL": ("https://a.example:5000", MIRRORS, "https://a.example:5000", NOT_A_HOST),
    "a slash": ("a/b", ["https://a/b"], "a/b", NOT_A_HOST),
    "parent": ("..", ["https://../"], "..", NOT_A_HOST),
    "parent inside": ("a..b", ["https://a..b"], "a..b", NOT_A_HOST),
    "folder": (".", ["https://./"], ".", NOT_A_HOST),
    "white space": ("a b", ["https://a b"], "a b", NOT_A_HOST),
    "final newline": ("a\n", ["https://a\n"], "a\n", NOT_A_HOST),
    "empty": ("", ["https://"], "", NOT_A_HOST),
    "password": ("me:hush@b.example", ["https://me:hush@b.example"], "***@b.example", NOT_A_HOST),
    "password of two lines": ("me:hush\nhush@b.example", MIRRORS, "***@b.example", NOT_A_HOST),
    "not text": (5000, MIRRORS, "5000", NOT_A_HOST),
}


@pytest.mark.parametrize(("host", "mirrors", "shown", "why"), REFUSED_HOSTS.values(), ids=REFUSED_HOSTS)
def test_refused_hosts(host, mirrors, shown, why):
    with pytest.raises(certs_d.CertificateError) as refused:
        ca_certificates.check({host: ONE}, mirrors)
    assert str(refused.value) == f'ca_certificates, "{shown}": {why}.'


NO_CERTIFICATE = (
    "its text contains no certificate; give the text itself (-----BEGIN CERTIFICATE-----), not the path of a file"
)
TOO_LARGE = "its text is larger than 1048576 bytes"
PRIVATE = (
    "its text contains a private key, which no engine needs to trust a mirror; "
    "remove it, and make a new key if others have seen this one"
)


def another_block(number, kind):
    return f"block {number} of its text is a {kind}, and engines read only CERTIFICATE blocks"


def no_block(number):
    damaged = f"certificate {number} of its text is damaged"
    return f"{damaged}: its END line is missing, its lines are indented, or it is not Base64"


def not_one(number):
    return f"certificate {number} of its text is damaged: its Base64 does not decode to exactly one certificate"


REFUSED_TEXTS = {
    # name: (text, why)
    "not text": (None, "its value is not text; give the certificates themselves, in PEM"),
    "empty": ("", NO_CERTIFICATE),
    "a path": ("/etc/ssl/ca.pem", NO_CERTIFICATE),
    "too large": (ONE + "#" * (certs_d.SIZE_LIMIT - len(ONE) + 1), TOO_LARGE),
    "too large in bytes": ("ü" * (certs_d.SIZE_LIMIT // 2 + 1), TOO_LARGE),
    "a key": (ONE + SECRET, PRIVATE),
    "an encrypted key": (ONE + SECRET.replace("PRIVATE", "ENCRYPTED PRIVATE"), PRIVATE),
    "a key, indented": (ONE + SECRET.replace("\n", "\n  "), PRIVATE),
    "a trusted certificate": (ONE + pem(DER, "TRUSTED CERTIFICATE"), another_block(2, "TRUSTED CERTIFICATE")),
    "a request": (pem(DER, "CERTIFICATE REQUEST"), another_block(1, "CERTIFICATE REQUEST")),
    "indented": (ONE.replace("\n", "\n  ").replace("-----BEGIN", "  -----BEGIN", 1), no_block(1)),
    "the second indented": (ONE + TWO.replace("-----BEGIN", " -----BEGIN"), no_block(2)),
    "no end": (ONE + TWO.replace("-----END CERTIFICATE-----", ""), no_block(2)),
    "no end, and one more": (ONE.replace("-----END CERTIFICATE-----", "") + TWO, no_block(1)),
    "the end indented": (ONE.replace("-----END", "  -----END"), no_block(1)),
    "another end": (ONE.replace("END CERTIFICATE", "END X"), no_block(1)),
    "something after the end": (ONE.replace("END CERTIFICATE-----", "END CERTIFICATE-----x"), no_block(1)),
    "headers": (ONE.replace("-----\n", "-----\nProc-Type: 4\n\n", 1), no_block(1)),
    "not Base64": (ONE + TWO.replace("M", "!", 3), no_block(2)),
    "a stray character": (ONE.replace("M", "M!", 1), no_block(1)),
    "nothing": (pem(b""), not_one(1)),
    "other bytes": (pem(b"hello, world"), not_one(1)),
    "an impossible date": (pem(DER.replace(b"24000101000000Z", b"24001301000000Z")), not_one(1)),
    "cut off": (pem(DER[:-9]), not_one(1)),
    "one byte more": (pem(DER + b"\0"), not_one(1)),
    "two in one block": (ONE + pem(DER + DER), not_one(2)),
}


@pytest.mark.parametrize(("text", "why"), REFUSED_TEXTS.values(), ids=REFUSED_TEXTS)
def test_refused_texts(text, why):
    with pytest.raises(certs_d.CertificateError) as refused:
        ca_certificates.check({HOST: text}, MIRRORS)
    assert str(refused.value) == f'ca_certificates, "{HOST}": {why}.'


def test_all_hosts_are_checked():
    with pytest.raises(ValueError, match=r"b\.example"):
        ca_certificates.check({HOST: ONE, "b.example": ""}, MIRRORS)


def test_many_beginnings_take_no_time():
    text = "-----BEGIN CERTIFICATE-----\n" * (certs_d.SIZE_LIMIT // 28)
    began = time.process_time()
    with pytest.raises(certs_d.CertificateError):
        ca_certificates.check({HOST: text}, MIRRORS)
    assert time.process_time() - began < 5


def test_warnings():
    last_second = at(2024).timestamp()
    certificates = {"b.example": LEAF + ONE + OLD, HOST: ONE + OLD}
    leaf = (
        "ca_certificates: certificate 1 of b.example is not a CA certificate: "
        "engines accept it as the mirror's own certificate, and trust nothing that it signed."
    )
    expired = "expired on Jan  1 00:00:00 2024 GMT: engines trust nothing that it signed."
    assert ca_certificates.warnings(certificates, last_second) == [leaf]
    assert ca_certificates.warnings(certificates, last_second + 1) == [
        f"ca_certificates: certificate 2 of {HOST} {expired}",
        leaf,
        f"ca_certificates: certificate 3 of b.example {expired}",
    ]
    assert ca_certificates.warnings({HOST: ONE + TWO}, last_second) == []
