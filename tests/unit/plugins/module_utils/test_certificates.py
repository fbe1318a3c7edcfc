# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files in certs.d that would break a pull are found."""

from __future__ import annotations

import base64
import os
import pathlib
import socket
import ssl

import pytest

from deadline import ends_within

from ansible_collections.pullthrough.docker.plugins.module_utils._change import certificates
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host
from ansible_collections.pullthrough.docker.plugins.module_utils._rules import certs_d


class LocalHost(Host):
    """This machine, with a ``certs.d`` of its own."""

    def __init__(self, folder):
        super().__init__(None)
        self.certs = folder

    def certs_folder(self):
        return str(self.certs)


def faults_in(folder, hosts, besides=()):
    found = certificates.read(LocalHost(folder), [f"https://{host}/" for host in hosts])
    return certificates.faults(found, hosts, besides)


HOST = "a.example:5000"
ONE = pathlib.Path(__file__, "../../modules/ca.crt").resolve().read_text()
DER = ssl.PEM_cert_to_DER_cert(ONE)


def pem(der: bytes, kind: str = "CERTIFICATE") -> str:
    return f"-----BEGIN {kind}-----\n{base64.encodebytes(der).decode()}-----END {kind}-----\n"


ENDS = "and a pull that looks here ends, without asking another mirror or Docker Hub."
NO_KEY = (
    f"{{}} is a client certificate without its key a.key, {ENDS} The name of a CA's certificate must end with .crt."
)
NO_PEM = (
    "{} holds no certificate in PEM. Engines then trust nothing more for it, and those since 28.0 with the containerd "
    "image store end a pull that looks here. If it is DER, convert it: openssl x509 -inform DER -outform PEM."
)
FAULTS = {
    # name: (files of the folder, by name the sentences)
    "nothing": ({}, {}),
    "all is well": (
        {"ca.crt": ONE, "client.cert": "c", "client.key": "k", "x.pem": "p", "hosts.toml": "t", "README": "r"},
        {},
    ),
    "no key": ({"a.cert": "c", "b.key": "k", "b.cert": "c"}, {"a.cert": NO_KEY}),
    "no certificate": ({"a.key": "k"}, {"a.key": f"{{}} is a key without its client certificate a.cert, {ENDS}"}),
    "both": (
        {"a.cert": "c", "b.key": "k"},
        {"a.cert": NO_KEY, "b.key": f"{{}} is a key without its client certificate b.cert, {ENDS}"},
    ),
    "DER": ({"ca.crt": DER}, {"ca.crt": NO_PEM}),
    "empty": ({"ca.crt": ""}, {"ca.crt": NO_PEM}),
    "a key": ({"ca.crt": pem(b"x", "PRIVATE KEY")}, {"ca.crt": NO_PEM}),
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
    assert faults_in(tmp_path, [HOST, "b.example", HOST]) == faults
    assert faults_in(tmp_path, [HOST], besides=[str(folder / name) for name in sentences]) == []


def test_one_of_two_faults_is_fixed(tmp_path):
    folder = tmp_path / HOST
    folder.mkdir()
    for name in ("a.crt", "b.crt"):
        (folder / name).write_bytes(DER)
    assert faults_in(tmp_path, [HOST], besides=[str(folder / "a.crt")]) == [NO_PEM.format(folder / "b.crt")]


@pytest.fixture
def no_wait():
    with ends_within(10):
        yield


@pytest.mark.usefixtures("no_wait")
def test_faults_of_what_is_not_a_file(tmp_path):
    folder = tmp_path / HOST
    folder.mkdir()
    (folder / "a.crt").symlink_to("gone")
    (folder / "b.crt").mkdir()
    os.mkfifo(folder / "c.crt")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(folder, os.O_RDONLY)  # A socket's path is at most 107 characters.
        listener.bind(f"/proc/self/fd/{here}/d.crt")
        os.close(here)
    reasons = {
        "a": "No such file or directory",
        "b": "not a regular file",
        "c": "not a regular file",
        "d": "No such device or address",
    }
    faults = [f"{folder}/{name}.crt cannot be read ({reason}), {ENDS}" for name, reason in reasons.items()]
    assert faults_in(tmp_path, [HOST]) == faults


def test_faults_of_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / HOST).write_text("x")
    assert faults_in(tmp_path, [HOST]) == [f"{tmp_path / HOST} cannot be read (Not a directory), {ENDS}"]


def test_faults_are_looked_for_nowhere_else(tmp_path):
    (tmp_path / "a.key").write_text("k")
    (tmp_path / "certs.d").mkdir()
    assert faults_in(tmp_path / "certs.d", ["..", "", ".", "x/../.."]) == []


def test_no_file_stays_open(tmp_path):
    folder = tmp_path / HOST
    folder.mkdir()
    (folder / "a.crt").mkdir()
    (folder / "b.crt").write_text(ONE)
    before = os.listdir("/proc/self/fd")
    faults_in(tmp_path, [HOST])
    assert os.listdir("/proc/self/fd") == before
