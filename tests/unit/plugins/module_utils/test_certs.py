# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CA certificates of mirrors: where they go, what is refused, what lies in the way. The certificates are made here."""

from __future__ import annotations

import base64
import datetime
import os
import signal
import socket
import time

import pytest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from ansible_collections.pullthrough.docker.plugins.module_utils._change import certificates
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import certs_d

KEY = ec.generate_private_key(ec.SECP256R1())
SECRET = KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
FOLDER = "/etc/docker/certs.d"
MIRRORS = ["https://a.example:5000/", "https://b.example/hub/x", "https://[::1]:5000"]
HOSTS = ["a.example:5000", "b.example", "[::1]:5000"]
HOST = HOSTS[0]


def at(year: int) -> datetime.datetime:
    return datetime.datetime(year, 1, 1, tzinfo=datetime.timezone.utc)


def certificate(name: str, is_ca: bool = True, until: int = 2400) -> bytes:
    """A self-signed certificate, in DER."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, KEY.public_key(), 4711, at(2020), at(until))
    builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def short_certificate() -> bytes:
    """One of less than 256 bytes, whose length takes one octet."""
    key = ed25519.Ed25519PrivateKey.generate()
    builder = x509.CertificateBuilder(x509.Name([]), x509.Name([]), key.public_key(), 4711, at(2020), at(2400))
    return builder.sign(key, None).public_bytes(serialization.Encoding.DER)


def pem(der: bytes, kind: str = "CERTIFICATE") -> str:
    return f"-----BEGIN {kind}-----\n{base64.encodebytes(der).decode()}-----END {kind}-----\n"


DER = certificate("one")
ONE, TWO = pem(DER), pem(certificate("two"))
OLD, LEAF = pem(certificate("old", until=2024)), pem(certificate("leaf", is_ca=False))
OWN, SHARED = f"{FOLDER}/{HOST}/pullthrough-docker.crt", f"{FOLDER}/docker.io/pullthrough-docker-{HOST}.crt"

PLACES = {
    # name: (image store, version, the file)
    "classic": ("graphdriver", (28, 5, 2), OWN),
    "unknown": (None, None, OWN),
    "unknown store": (None, (28, 5, 2), OWN),
    "containerd, before 28": ("containerd", (27, 99, 99), OWN),
    "containerd, from 28 on": ("containerd", (28, 0, 0), SHARED),
    "containerd, a later one": ("containerd", (29, 7, 2), SHARED),
    "containerd, version unknown: no trust for Docker Hub on a guess": ("containerd", None, OWN),
}


@pytest.mark.parametrize(("store", "version", "path"), PLACES.values(), ids=PLACES)
def test_where_the_engine_reads(store, version, path):
    assert certs_d.files({HOST: ONE}, image_store=store, version=version, folder=FOLDER) == {path: ONE.encode()}
    assert certs_d.is_shared(store, version) == (path == SHARED)


def test_one_file_a_host_in_the_order_of_hosts():
    found = certs_d.files({"b.example": TWO, HOST: ONE}, image_store="containerd", version=(28, 5, 2), folder=FOLDER)
    assert list(found.items()) == [(SHARED, ONE.encode()), (f"{FOLDER}/docker.io/pullthrough-docker-b.example.crt", TWO.encode())]


@pytest.mark.parametrize("text", [ONE.rstrip(), ONE, ONE + "\n \n\n"])
def test_one_final_newline(text):
    assert certs_d.files({HOST: text}, image_store=None, version=None, folder=FOLDER) == {OWN: ONE.encode()}


def test_what_stands_before_a_certificate_stays():
    text = f"Ausgestellt für Müller\n{ONE}"
    assert certs_d.files({HOST: text}, image_store=None, version=None, folder=FOLDER) == {OWN: text.encode("utf-8")}


def test_what_is_not_unicode_does_not_stand_in_the_way():
    assert certs_d.files({HOST: f"M\udcfcller\n{ONE}"}, image_store=None, version=None, folder=FOLDER) == {OWN: f"M?ller\n{ONE}".encode()}


def test_ours_are_both_places():
    assert certs_d.ours(HOST, FOLDER) == [OWN, SHARED]


@pytest.mark.parametrize(("mirror", "host"), [*zip(MIRRORS, HOSTS), ("https://b.example/x://y/", "b.example")])
def test_the_host_of_a_mirror(mirror, host):
    assert certs_d.host_of(mirror) == host


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
    certs_d.check({host: text}, MIRRORS)


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
        certs_d.check({host: ONE}, mirrors)
    assert str(refused.value) == f'ca_certificates, "{shown}": {why}. Nothing was changed.'


NO_CERTIFICATE = "its text holds no certificate; give the text itself (-----BEGIN CERTIFICATE-----), not the path of a file"
TOO_LARGE = "its text is larger than 1048576 bytes"
PRIVATE = "its text holds a private key, which no engine needs to trust a mirror; take it out, and make a new one if others have seen it"


def another_block(number, kind):
    return f"block {number} of its text is a {kind}, and engines read blocks called CERTIFICATE only"


def no_block(number):
    return f"certificate {number} of its text is damaged: it has no END line, or lines that do not begin at the left, or no Base64"


def not_one(number):
    return f"certificate {number} of its text is damaged: what its Base64 encodes is not one certificate"


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
    "a date that is none": (pem(DER.replace(b"24000101000000Z", b"24001301000000Z")), not_one(1)),
    "cut off": (pem(DER[:-9]), not_one(1)),
    "one byte more": (pem(DER + b"\0"), not_one(1)),
    "two in one block": (ONE + pem(DER + DER), not_one(2)),
}


@pytest.mark.parametrize(("text", "why"), REFUSED_TEXTS.values(), ids=REFUSED_TEXTS)
def test_refused_texts(text, why):
    with pytest.raises(certs_d.CertificateError) as refused:
        certs_d.check({HOST: text}, MIRRORS)
    assert str(refused.value) == f'ca_certificates, "{HOST}": {why}. Nothing was changed.'


def test_all_hosts_are_checked():
    with pytest.raises(ValueError, match=r"b\.example"):
        certs_d.check({HOST: ONE, "b.example": ""}, MIRRORS)


def test_many_beginnings_take_no_time():
    text = "-----BEGIN CERTIFICATE-----\n" * (certs_d.SIZE_LIMIT // 28)
    began = time.process_time()
    with pytest.raises(certs_d.CertificateError):
        certs_d.check({HOST: text}, MIRRORS)
    assert time.process_time() - began < 5


def test_warnings():
    last_second = at(2024).timestamp()
    certificates = {"b.example": LEAF + ONE + OLD, HOST: ONE + OLD}
    leaf = (
        "ca_certificates: certificate 1 of b.example is not a CA's: "
        "engines take it as the mirror's own certificate, and trust nothing that it has signed."
    )
    expired = "expired on Jan  1 00:00:00 2024 GMT: engines trust nothing that it has signed."
    assert certs_d.warnings(certificates, last_second) == [leaf]
    assert certs_d.warnings(certificates, last_second + 1) == [
        f"ca_certificates: certificate 2 of {HOST} {expired}",
        leaf,
        f"ca_certificates: certificate 3 of b.example {expired}",
    ]
    assert certs_d.warnings({HOST: ONE + TWO}, last_second) == []


ENDS = "and a pull that looks here ends, without asking another mirror or Docker Hub."
NO_KEY = f"{{}} is a client certificate without its key a.key, {ENDS} The name of a CA's certificate must end with .crt."
NO_PEM = (
    "{} holds no certificate in PEM, so engines trust nothing more for it, and those since 28.0 with the containerd image store "
    "end a pull that looks here. Where it is DER: openssl x509 -inform DER -outform PEM."
)
FAULTS = {
    # name: (files of the folder, by name the sentences)
    "nothing": ({}, {}),
    "all is well": ({"ca.crt": ONE, "client.cert": "c", "client.key": "k", "x.pem": "p", "hosts.toml": "t", "README": "r"}, {}),
    "no key": ({"a.cert": "c", "b.key": "k", "b.cert": "c"}, {"a.cert": NO_KEY}),
    "no certificate": ({"a.key": "k"}, {"a.key": f"{{}} is a key without its client certificate a.cert, {ENDS}"}),
    "both": ({"a.cert": "c", "b.key": "k"}, {"a.cert": NO_KEY, "b.key": f"{{}} is a key without its client certificate b.cert, {ENDS}"}),
    "DER": ({"ca.crt": DER}, {"ca.crt": NO_PEM}),
    "empty": ({"ca.crt": ""}, {"ca.crt": NO_PEM}),
    "a key": ({"ca.crt": SECRET}, {"ca.crt": NO_PEM}),
    "no certificate in its block": ({"ca.crt": pem(b"x")}, {"ca.crt": NO_PEM}),
    "a damaged block": ({"ca.crt": ONE.replace("M", "!")}, {"ca.crt": NO_PEM}),
    "one good of two": ({"ca.crt": pem(b"x") + ONE}, {}),
    "text of another encoding": ({"ca.crt": "Müller\n".encode("latin-1") + ONE.encode()}, {}),
    "another name of the block": ({"ca.crt": pem(DER, "TRUSTED CERTIFICATE")}, {"ca.crt": NO_PEM}),
    "up to the limit": ({"ca.crt": "#" * (certs_d.SIZE_LIMIT - len(ONE) - 1) + "\n" + ONE}, {}),
    "beyond the limit": ({"ca.crt": "#" * certs_d.SIZE_LIMIT + "\n" + ONE}, {"ca.crt": NO_PEM}),
}


@pytest.mark.parametrize(("texts", "sentences"), FAULTS.values(), ids=FAULTS)
def test_faults(tmp_path, texts, sentences):
    folder = tmp_path / HOST
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    faults = [sentence.format(folder / name) for name, sentence in sentences.items()]
    assert certificates.faults(str(tmp_path), [HOST, "b.example", HOST]) == faults
    assert certificates.faults(str(tmp_path), [HOST], besides=[str(folder / name) for name in sentences]) == []


def test_one_of_two_faults_is_mended(tmp_path):
    folder = tmp_path / HOST
    folder.mkdir()
    for name in ("a.crt", "b.crt"):
        (folder / name).write_bytes(DER)
    assert certificates.faults(str(tmp_path), [HOST], besides=[str(folder / "a.crt")]) == [NO_PEM.format(folder / "b.crt")]


@pytest.fixture
def no_wait():
    """End a test that would wait for ever."""
    before = signal.signal(signal.SIGALRM, lambda _signal, _frame: pytest.fail("it waits"))
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("no_wait")
def test_faults_of_what_is_no_file(tmp_path):
    folder = tmp_path / HOST
    folder.mkdir()
    (folder / "a.crt").symlink_to("gone")
    (folder / "b.crt").mkdir()
    os.mkfifo(folder / "c.crt")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(folder, os.O_RDONLY)  # A socket's path is at most 107 characters.
        listener.bind(f"/proc/self/fd/{here}/d.crt")
        os.close(here)
    reasons = {"a": "No such file or directory", "b": "not a regular file", "c": "not a regular file", "d": "No such device or address"}
    faults = [f"{folder}/{name}.crt cannot be read ({reason}), {ENDS}" for name, reason in reasons.items()]
    assert certificates.faults(str(tmp_path), [HOST]) == faults


def test_faults_of_a_folder_that_is_none(tmp_path):
    (tmp_path / HOST).write_text("x")
    assert certificates.faults(str(tmp_path), [HOST]) == [f"{tmp_path / HOST} cannot be read (Not a directory), {ENDS}"]


def test_faults_are_looked_for_nowhere_else(tmp_path):
    (tmp_path / "a.key").write_text("k")
    (tmp_path / "certs.d").mkdir()
    assert certificates.faults(str(tmp_path / "certs.d"), ["..", "", ".", "x/../.."]) == []


def test_no_file_stays_open(tmp_path):
    folder = tmp_path / HOST
    folder.mkdir()
    (folder / "a.crt").mkdir()
    (folder / "b.crt").write_text(ONE)
    before = os.listdir("/proc/self/fd")
    certificates.faults(str(tmp_path), [HOST])
    assert os.listdir("/proc/self/fd") == before
