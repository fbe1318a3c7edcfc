# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of CA certificates in certs.d, the host of a mirror, and what a hosts.toml changes."""

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


HOST_TABLE = '[host."https://a.example"]\n'
HUB_SERVERS = ["https://registry-1.docker.io", "https://docker.io/", "http://INDEX.docker.io:443/v2", "docker.io", ""]
HOSTS_TOML = {
    # name: (text of hosts.toml, line, effect)
    "a host": (f'server = "x"\n{HOST_TABLE}', 2, "HOST"),
    "blanks, single quotes, a comment": ("\n\t[ host . 'https://a.example' ] # x\n", 2, "HOST"),
    "a quoted key": ('["host"."https://a.example"]\r\n', 1, "HOST"),
    "escapes": ('["\\u0068ost"."https:\\u002f/a.example"]', 1, "HOST"),
    "a key in single quotes": ("['host'.example]", 1, "HOST"),
    "only a table below it": ('[host."https://a.example".header]\n', 1, "HOST"),
    "an empty name": ('[host.""]\n', 1, "HOST"),
    "a host after another table": (f"[x]\n{HOST_TABLE}{HOST_TABLE.replace('a.', 'b.')}", 2, "HOST"),
    "a host in a string": ("a = '''\n" + HOST_TABLE + "'''\n", None, None),
    "a comment": ('# [host."x"]\n', None, None),
    "another key": ('[hosts."x"]\n', None, None),
    "no name": ("[host]\n", None, None),
    "an array of tables": ('[[host."x"]]\n', None, None),
    "an inline table": ('host."x" = {}\n', None, None),
    "an empty file": ("", None, None),
    "another server": ('\n"server" = "https://a.example"\n', 2, "SERVER"),
    "another server without a scheme": ("server = 'a.example:5000/hub'", 1, "SERVER"),
    "a server with the name in its path": ('server = "https://a.example/docker.io"', 1, "SERVER"),
    "a server that is no URL": ('server = "https://[x"', 1, "SERVER"),
    "a server in another table": ('[x]\nserver = "https://a.example"', None, None),
    "a server that is not a text": ("server = 1", None, None),
    **{f"the server {server}": (f'server = "{server}"', None, None) for server in HUB_SERVERS},
    "a host in a file that is not TOML": (f"{HOST_TABLE}[host.]\n", 2, "INVALID"),
    "a host that is there twice": (HOST_TABLE * 2, 2, "INVALID"),
}


@pytest.mark.parametrize(("text", "line", "effect"), HOSTS_TOML.values(), ids=HOSTS_TOML)
def test_what_a_hosts_toml_changes(text, line, effect):
    found = certs_d.hosts_toml("/f", text.encode())
    assert (found and found.effect) == (certs_d.Effect[effect] if effect else None)
    assert found is None or found.place.startswith(f"/f, line {line}" + (", column " if effect == "INVALID" else ""))


def test_a_hosts_toml_that_is_not_utf_8():
    assert certs_d.hosts_toml("/f", b"#\n\xff") == (
        "/f, line 2, column 1: the text is not UTF-8; save it as UTF-8",
        certs_d.Effect.INVALID,
    )
