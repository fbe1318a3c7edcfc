# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of CA certificates in certs.d, and the host of a mirror."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._rules import certs_d, versions

FOLDER = "/etc/docker/certs.d"
MIRRORS = ["https://a.example:5000/", "https://b.example/hub/x", "https://[::1]:5000"]
HOSTS = ["a.example:5000", "b.example", "[::1]:5000"]
HOST = HOSTS[0]
# The certificates are written as they are, so these need not be real.
ONE, TWO = (f"-----BEGIN CERTIFICATE-----\n{data}\n-----END CERTIFICATE-----\n" for data in ("MIIB", "MIIC"))
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
    assert versions.shares_docker_io(store, version) == (path == SHARED)


def test_one_file_a_host_in_the_order_of_hosts():
    found = certs_d.files({"b.example": TWO, HOST: ONE}, image_store="containerd", version=(28, 5, 2), folder=FOLDER)
    assert list(found.items()) == [
        (SHARED, ONE.encode()),
        (f"{FOLDER}/docker.io/pullthrough-docker-b.example.crt", TWO.encode()),
    ]


@pytest.mark.parametrize("text", [ONE.rstrip(), ONE, ONE + "\n \n\n"])
def test_one_final_newline(text):
    assert certs_d.files({HOST: text}, image_store=None, version=None, folder=FOLDER) == {OWN: ONE.encode()}


def test_text_before_a_certificate_stays():
    text = f"Ausgestellt für Müller\n{ONE}"
    assert certs_d.files({HOST: text}, image_store=None, version=None, folder=FOLDER) == {OWN: text.encode("utf-8")}


def test_text_that_is_not_unicode_is_written_all_the_same():
    assert certs_d.files({HOST: f"M\udcfcller\n{ONE}"}, image_store=None, version=None, folder=FOLDER) == {
        OWN: f"M?ller\n{ONE}".encode()
    }


def test_both_paths_of_a_host():
    assert certs_d.ours(HOST, FOLDER) == [OWN, SHARED]


@pytest.mark.parametrize(("mirror", "host"), [*zip(MIRRORS, HOSTS), ("https://b.example/x://y/", "b.example")])
def test_the_host_of_a_mirror(mirror, host):
    assert certs_d.host_of(mirror) == host
