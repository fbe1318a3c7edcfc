# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files Podman and its relatives read, in which order, and the file that we write."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._clients import podman
from ansible_collections.pullthrough.docker.plugins.module_utils._clients.podman import FROM_6, UNTIL_5
from ansible_collections.pullthrough.docker.plugins.module_utils._clients.registries_conf import ConfError, Mirror

ROOT = podman.Folders("/usr", "/etc/c", "/root/c", "/etc/docker", 0)
USER = podman.Folders("/usr", "/etc/c", "/home/c", "/etc/docker", 1000)

ORDERS = {
    # name: (folders, files, links, order until 5, order from 6)
    "nothing": (ROOT, [], [], [], []),
    "main files": (
        ROOT,
        ["/usr/registries.conf", "/etc/c/registries.conf"],
        [],
        ["/etc/c/registries.conf"],
        ["/etc/c/registries.conf"],
    ),
    "only the vendor's": (ROOT, ["/usr/registries.conf"], [], [], ["/usr/registries.conf"]),
    "a main file of the user": (
        USER,
        ["/etc/c/registries.conf", "/etc/c/registries.conf.d/a.conf", "/home/c/registries.conf"],
        [],
        ["/home/c/registries.conf"],
        ["/home/c/registries.conf", "/etc/c/registries.conf.d/a.conf"],
    ),
    "drop-ins": (
        USER,
        ["/etc/c/registries.conf.d/b.conf", "/etc/c/registries.conf.d/a.conf", "/home/c/registries.conf.d/A.conf"],
        [],
        ["/etc/c/registries.conf.d/a.conf", "/etc/c/registries.conf.d/b.conf", "/home/c/registries.conf.d/A.conf"],
        ["/home/c/registries.conf.d/A.conf", "/etc/c/registries.conf.d/a.conf", "/etc/c/registries.conf.d/b.conf"],
    ),
    "one name in more folders": (
        ROOT,
        ["/usr/registries.conf.d/a.conf", "/etc/c/registries.conf.d/a.conf", "/root/c/registries.conf.d/a.conf"],
        [],
        ["/etc/c/registries.conf.d/a.conf", "/root/c/registries.conf.d/a.conf"],
        ["/root/c/registries.conf.d/a.conf"],
    ),
    "a link": (
        ROOT,
        ["/etc/c/registries.conf.d/a.conf"],
        ["/etc/c/registries.conf.d/a.conf"],
        ["/etc/c/registries.conf.d/a.conf"],
        [],
    ),
    "special folders of root": (
        ROOT,
        ["/etc/c/registries.rootful.conf.d/a.conf", "/etc/c/registries.rootless.conf.d/b.conf"],
        [],
        [],
        ["/etc/c/registries.rootful.conf.d/a.conf"],
    ),
    "special folders of a user": (
        USER,
        [
            "/usr/registries.rootless.conf.d/1000/c.conf",
            "/etc/c/registries.rootful.conf.d/a.conf",
            "/etc/c/registries.rootless.conf.d/1001/d.conf",
            "/etc/c/registries.rootless.conf.d/b.conf",
        ],
        [],
        [],
        ["/etc/c/registries.rootless.conf.d/b.conf", "/usr/registries.rootless.conf.d/1000/c.conf"],
    ),
}


@pytest.mark.parametrize("case", ORDERS.values(), ids=ORDERS)
def test_orders(case):
    folders, paths, links, until_5, from_6 = case
    files = podman.Files(folders, dict.fromkeys(paths, b""), links)
    assert podman.orders(files) == {UNTIL_5: until_5, FROM_6: from_6}


def test_our_file_comes_last_in_both_orders():
    for folders, path in (
        (ROOT, "/etc/c/registries.conf.d/zz-pullthrough-docker.conf"),
        (USER, "/home/c/registries.conf.d/zz-pullthrough-docker.user.conf"),
    ):
        assert folders.own_file == path
        others = [f"/etc/c/registries.conf.d/{name}.conf" for name in ("z", "zz-a", "zz-pullthrough-docker")]
        files = podman.Files(folders, {**dict.fromkeys(others, b""), path: b""})
        assert {order[-1] for order in podman.orders(files).values()} == {path}


def test_the_longest_prefix_counts():
    text = "".join(
        f'[[registry]]\nprefix = "{prefix}"\nlocation = "x"\n'
        for prefix in ("*.io", "docker.io", "docker.io/library", "*.docker.io", "gcr.io:5000")
    )
    reading = podman.Reading(podman.Files(ROOT, {"/etc/c/registries.conf": text.encode()}))

    def counts(registry):
        return {entry and entry.prefix for entry in reading.of(registry).values()}

    assert [counts(name) for name in ("docker.io", "a.docker.io", "ghcr.io", "gcr.io", "io", "x.example")] == [
        {"docker.io"},
        {"*.docker.io"},
        {"*.io"},
        {"*.io"},
        {None},
        {None},
    ]
    assert [entry.prefix for entry in reading.naming("docker.io")] == ["*.io", "docker.io"]
    assert [entry.prefix for entry in reading.parts("docker.io")] == ["docker.io/library"]
    assert list(reading.by_registry()) == ["docker.io", "gcr.io:5000"]


# -- our file --------------------------------------------------------------------------------------------------------

OWN = {"ghcr.io": (Mirror("b.example", True),), "docker.io": (Mirror("a.example:5000/x"),)}
MADE = ["/etc/c", "/etc/c/registries.conf.d", "/etc/c/certs.d/a.example:5000"]


@pytest.mark.parametrize("folders", [[], MADE], ids=["", "folders"])
def test_our_file_can_be_read_again(folders):
    text = podman.own_text(OWN, folders)
    assert podman.is_ours(text) and text.decode().splitlines()[0] == podman.MARKER
    assert podman.read_own(ROOT.own_file, text) == (OWN, folders)
    assert text == podman.own_text(dict(reversed(OWN.items())), folders)


@pytest.mark.parametrize("folder", ["/etc/other", "/var", "/etc/c/../other", 1, "/etc/cc"])
def test_a_folder_of_others_is_never_named(folder):
    with pytest.raises(ConfError, match="someone changed this file"):
        podman.read_own(ROOT.own_file, podman.own_text(OWN, [folder]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "another program wrote this file"),
        (f"\n{podman.MARKER}\n", "another program wrote this file"),
        (f"{podman.MARKER} \n", "another program wrote this file"),
        (f"{podman.MARKER}\n# folders = x\n", "someone changed this file"),
        (f"{podman.MARKER}\n[\n", "line 2, column 2"),
    ],
)
def test_what_is_not_our_file(text, message):
    with pytest.raises(ConfError, match=message):
        podman.read_own(ROOT.own_file, text.encode())


# -- names -----------------------------------------------------------------------------------------------------------

MIRRORS = {
    "https://a.example": Mirror("a.example"),
    "https://a.example:5000/": Mirror("a.example:5000"),
    "http://a-b.example/x/y-z": Mirror("a-b.example/x/y-z", True),
    "https://localhost": Mirror("localhost"),
    "https://cache:443": Mirror("cache:443"),
}


@pytest.mark.parametrize(("url", "mirror"), MIRRORS.items())
def test_mirrors(url, mirror):
    assert podman.mirror(url) == mirror


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("https://cache", "write https://cache:443"),
        ("http://cache", "write http://cache:80"),
        ("https://a_b.example", "give it another name"),
        ("https://[::1]:5000", "give it another name"),
        ("https://a..example", "give it another name"),
        ("https://a.example/A", "the path of this mirror"),
        ("https://a.example/a//b", "the path of this mirror"),
        ("https://a.example/a%20b", "the path of this mirror"),
    ],
)
def test_mirrors_that_cannot_be_named(url, advice):
    with pytest.raises(ConfError, match=advice):
        podman.mirror(url)


def test_where_the_clients_look_for_certificates():
    assert podman.certificate_folders(USER, "a:1") == [
        "/home/c/certs.d/a:1",
        "/etc/c/certs.d/a:1",
        "/etc/docker/certs.d/a:1",
    ]
    assert podman.own_certificate(USER, "a:1") == "/home/c/certs.d/a:1/pullthrough-docker.crt"
    assert podman.own_certificate(ROOT, "a:1") == "/etc/c/certs.d/a:1/pullthrough-docker.crt"
    assert podman.hosts_of({"x": [Mirror("a:1/x"), Mirror("a:1"), Mirror("../b"), Mirror("b.c")]}) == ["a:1", "b.c"]
