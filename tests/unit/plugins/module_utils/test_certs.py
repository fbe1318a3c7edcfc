# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CA certificates of mirrors: where they go, what is refused, what lies in the way. The certificates are made here."""

from __future__ import annotations

import base64
import datetime
import os
import socket
import time

import pytest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from ansible_collections.pullthrough.docker.plugins.module_utils import _certs

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
    assert _certs.files({HOST: ONE}, image_store=store, version=version, folder=FOLDER) == {path: ONE.encode()}
    assert _certs.is_shared(store, version) == (path == SHARED)


def test_one_file_a_host_in_the_order_of_hosts():
    found = _certs.files({"b.example": TWO, HOST: ONE}, image_store="containerd", version=(28, 5, 2), folder=FOLDER)
    assert list(found.items()) == [(SHARED, ONE.encode()), (f"{FOLDER}/docker.io/pullthrough-docker-b.example.crt", TWO.encode())]


@pytest.mark.parametrize("text", [ONE.rstrip(), ONE, ONE + "\n \n\n"])
def test_one_final_newline(text):
    assert _certs.files({HOST: text}, image_store=None, version=None, folder=FOLDER) == {OWN: ONE.encode()}


def test_what_stands_before_a_certificate_stays():
    text = f"Ausgestellt für Müller\n{ONE}"
    assert _certs.files({HOST: text}, image_store=None, version=None, folder=FOLDER) == {OWN: text.encode("utf-8")}


def test_ours_are_both_places():
    assert _certs.ours(HOST, FOLDER) == [OWN, SHARED]


@pytest.mark.parametrize(("mirror", "host"), list(zip(MIRRORS, HOSTS)))
def test_the_host_of_a_mirror(mirror, host):
    assert _certs.host_of(mirror) == host


TAKEN = {
    "one": ONE,
    "two": ONE + TWO,
    "CRLF": ONE.replace("\n", "\r\n"),
    "one long line": f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(DER).decode()}\n-----END CERTIFICATE-----",
    "text around it": f"subject=CN = one\nMüller\n{ONE}and more\n",
    "a server's own certificate": LEAF,
    "an expired one": OLD,
    "a short one": pem(short_certificate()),
    "the size limit": ONE + "#" * (_certs.SIZE_LIMIT - len(ONE)),
}


@pytest.mark.parametrize("text", TAKEN.values(), ids=TAKEN)
@pytest.mark.parametrize("host", HOSTS)
def test_taken(host, text):
    _certs.check({host: text}, MIRRORS)


REFUSED_HOSTS = {
    # name: (host, mirrors, words of the message)
    "no mirror's": ("c.example", MIRRORS, ["c.example", "no declared mirror", "a.example:5000, b.example, [::1]:5000"]),
    "no port": ("a.example", MIRRORS, ["no declared mirror"]),
    "another port": ("b.example:443", MIRRORS, ["no declared mirror"]),
    "another case": ("A.example:5000", MIRRORS, ["no declared mirror"]),
    "no mirrors": ("a.example", [], ["hosts there: none"]),
    "a URL": ("https://a.example:5000", MIRRORS, ["not a host"]),
    "a slash": ("a/b", ["https://a/b"], ["not a host"]),
    "parent": ("..", ["https://../"], ["not a host"]),
    "parent inside": ("a..b", ["https://a..b"], ["not a host"]),
    "folder": (".", ["https://./"], ["not a host"]),
    "white space": ("a b", ["https://a b"], ["not a host"]),
    "final newline": ("a\n", ["https://a\n"], ["not a host"]),
    "empty": ("", ["https://"], ["not a host"]),
    "password": ("me:hush@b.example", ["https://me:hush@b.example"], ["***@b.example", "not a host"]),
    "not text": (5000, MIRRORS, ["5000", "not a host"]),
}


@pytest.mark.parametrize(("host", "mirrors", "words"), REFUSED_HOSTS.values(), ids=REFUSED_HOSTS)
def test_refused_hosts(host, mirrors, words):
    with pytest.raises(_certs.CertificateError) as refused:
        _certs.check({host: ONE}, mirrors)
    for word in words:
        assert word in str(refused.value)
    assert "hush" not in str(refused.value)


REFUSED_TEXTS = {
    # name: (text, a word of the message)
    "not text": (None, "not text"),
    "empty": ("", "no certificate"),
    "a path": ("/etc/ssl/ca.pem", "no certificate"),
    "too large": (ONE + "#" * (_certs.SIZE_LIMIT - len(ONE) + 1), "larger than 1048576"),
    "too large in bytes": ("ü" * (_certs.SIZE_LIMIT // 2 + 1), "larger than 1048576"),
    "a key": (ONE + SECRET, "private key"),
    "an encrypted key": (ONE + SECRET.replace("PRIVATE", "ENCRYPTED PRIVATE"), "private key"),
    "a key, indented": (ONE + SECRET.replace("\n", "\n  "), "private key"),
    "a trusted certificate": (ONE + pem(DER, "TRUSTED CERTIFICATE"), "block 2 of its text is a TRUSTED CERTIFICATE"),
    "a request": (pem(DER, "CERTIFICATE REQUEST"), "block 1 of its text is a CERTIFICATE REQUEST"),
    "indented": (ONE.replace("\n", "\n  ").replace("-----BEGIN", "  -----BEGIN", 1), "certificate 1 of its text is damaged"),
    "the second indented": (ONE + TWO.replace("-----BEGIN", " -----BEGIN"), "certificate 2 of its text is damaged"),
    "no end": (ONE + TWO.replace("-----END CERTIFICATE-----", ""), "certificate 2 of its text is damaged"),
    "no end, and one more": (ONE.replace("-----END CERTIFICATE-----", "") + TWO, "certificate 1 of its text is damaged"),
    "the end indented": (ONE.replace("-----END", "  -----END"), "certificate 1 of its text is damaged"),
    "another end": (ONE.replace("END CERTIFICATE", "END X"), "certificate 1 of its text is damaged"),
    "something after the end": (ONE.replace("END CERTIFICATE-----", "END CERTIFICATE-----x"), "certificate 1 of its text is damaged"),
    "headers": (ONE.replace("-----\n", "-----\nProc-Type: 4\n\n", 1), "certificate 1 of its text is damaged"),
    "not Base64": (ONE + TWO.replace("M", "!", 3), "certificate 2 of its text is damaged: it has no END line"),
    "nothing": (pem(b""), "is not one certificate"),
    "other bytes": (pem(b"hello, world"), "is not one certificate"),
    "a date that is none": (pem(DER.replace(b"24000101000000Z", b"24001301000000Z")), "is not one certificate"),
    "cut off": (pem(DER[:-9]), "is not one certificate"),
    "one byte more": (pem(DER + b"\0"), "is not one certificate"),
    "two in one block": (ONE + pem(DER + DER), "certificate 2 of its text is damaged: what its Base64"),
}


@pytest.mark.parametrize(("text", "word"), REFUSED_TEXTS.values(), ids=REFUSED_TEXTS)
def test_refused_texts(text, word):
    with pytest.raises(_certs.CertificateError) as refused:
        _certs.check({HOST: text}, MIRRORS)
    message = str(refused.value)
    assert word in message
    assert f'"{HOST}"' in message
    assert message.endswith("Nothing was changed.")
    for line in SECRET.splitlines()[1:-1]:
        assert line not in message


def test_all_hosts_are_checked():
    with pytest.raises(ValueError, match=r"b\.example"):
        _certs.check({HOST: ONE, "b.example": ""}, MIRRORS)


def test_many_beginnings_take_no_time():
    text = "-----BEGIN CERTIFICATE-----\n" * (_certs.SIZE_LIMIT // 28)
    began = time.process_time()
    with pytest.raises(_certs.CertificateError):
        _certs.check({HOST: text}, MIRRORS)
    assert time.process_time() - began < 5


def test_warnings():
    last_second = at(2024).timestamp()
    certificates = {"b.example": LEAF + ONE + OLD, HOST: ONE}
    leaf = "ca_certificates: certificate 1 of b.example is not a CA's"
    assert [text.partition(":")[0] for text in _certs.warnings(certificates, last_second)] == ["ca_certificates"]
    said = _certs.warnings(certificates, last_second + 1)
    assert len(said) == 2
    assert said[0].startswith(leaf)
    assert said[1].startswith("ca_certificates: certificate 3 of b.example expired on Jan  1 00:00:00 2024 GMT")
    assert _certs.warnings({HOST: ONE + TWO}, last_second) == []


ABORTS = "without asking another mirror"
FAULTS = {
    # name: (files of the folder, words of each sentence)
    "nothing": ({}, []),
    "all is well": ({"ca.crt": ONE, "client.cert": "c", "client.key": "k", "x.pem": "p", "hosts.toml": "t", "README": "r"}, []),
    "no key": ({"a.cert": "c", "b.key": "k", "b.cert": "c"}, [("/a.cert is", "its key a.key", ABORTS)]),
    "no certificate": ({"a.key": "k"}, [("/a.key is", "certificate a.cert", ABORTS)]),
    "both": ({"a.cert": "c", "b.key": "k"}, [("/a.cert is", "a.key"), ("/b.key is", "b.cert")]),
    "DER": ({"ca.crt": DER}, [("/ca.crt holds no certificate", "-inform DER")]),
    "empty": ({"ca.crt": ""}, [("/ca.crt holds no certificate",)]),
    "a key": ({"ca.crt": SECRET}, [("/ca.crt holds no certificate",)]),
    "no certificate in its block": ({"ca.crt": pem(b"x")}, [("/ca.crt holds no certificate",)]),
    "a damaged block": ({"ca.crt": ONE.replace("M", "!")}, [("/ca.crt holds no certificate",)]),
    "one good of two": ({"ca.crt": pem(b"x") + ONE}, []),
    "another name of the block": ({"ca.crt": pem(DER, "TRUSTED CERTIFICATE")}, [("/ca.crt holds no certificate",)]),
    "beyond the limit": ({"ca.crt": "#" * _certs.SIZE_LIMIT + "\n" + ONE}, [("/ca.crt holds no certificate",)]),
}


@pytest.mark.parametrize(("texts", "sentences"), FAULTS.values(), ids=FAULTS)
def test_faults(tmp_path, texts, sentences):
    folder = tmp_path / HOST
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    found = _certs.faults(str(tmp_path), [HOST, "b.example", HOST])
    assert len(found) == len(sentences)
    for words, fault in zip(sentences, found):
        assert fault.startswith(str(folder))
        for word in words:
            assert word in fault


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
    found = _certs.faults(str(tmp_path), [HOST])
    reasons = ["No such file or directory", "not a regular file", "not a regular file", "No such device or address"]
    assert [fault.partition("(")[2].partition(")")[0] for fault in found] == reasons
    assert all(ABORTS in fault for fault in found)


def test_faults_of_a_folder_that_is_none(tmp_path):
    (tmp_path / HOST).write_text("x")
    assert [fault.partition(",")[0] for fault in _certs.faults(str(tmp_path), [HOST])] == [f"{tmp_path / HOST} cannot be read (Not a directory)"]


def test_faults_are_looked_for_nowhere_else(tmp_path):
    (tmp_path / "a.key").write_text("k")
    (tmp_path / "certs.d").mkdir()
    assert _certs.faults(str(tmp_path / "certs.d"), ["..", "", ".", "x/../.."]) == []


def test_no_file_stays_open(tmp_path):
    folder = tmp_path / HOST
    folder.mkdir()
    (folder / "a.crt").mkdir()
    (folder / "b.crt").write_text(ONE)
    before = os.listdir("/proc/self/fd")
    _certs.faults(str(tmp_path), [HOST])
    assert os.listdir("/proc/self/fd") == before
