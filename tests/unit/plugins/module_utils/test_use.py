# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where mirrors in force are not used or not safe."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils import _look, _use

NEW, OLD = (28, 5, 2), (26, 1, 5)
TOML = "/etc/docker/certs.d/docker.io/hosts.toml, line 2"

CASES = {
    # name: (mirrors, insecure, store, version, hosts.toml, a word of each caution)
    "all is well": (["https://a.example/"], [], "containerd", NEW, None, []),
    "hosts.toml": (["https://a.example/"], [], "containerd", NEW, TOML, ["hosts.toml, line 2"]),
    "hosts.toml on an engine that does not read it": (["https://a.example/"], [], "containerd", OLD, TOML, []),
    "hosts.toml with the other store": (["https://a.example/"], [], "graphdriver", NEW, TOML, []),
    "hosts.toml and no mirror": ([], [], "containerd", NEW, TOML, []),
    "loopback": (["http://127.0.0.1:5000/"], [], "containerd", NEW, None, ["on this host"]),
    "loopback by name": (["http://localhost:5000/"], [], "containerd", NEW, None, ["on this host"]),
    "loopback, IPv6": (["https://[::1]:5000/"], [], "containerd", NEW, None, ["on this host"]),
    "loopback with the other store": (["http://127.0.0.1:5000/"], [], "graphdriver", NEW, None, []),
    "insecure by name": (["https://a.example/"], ["A.example"], "containerd", NEW, None, ["insecure registry"]),
    "insecure by name and port": (["https://a.example:5000/"], ["a.example:5000"], "containerd", NEW, None, ["insecure registry"]),
    "another port": (["https://a.example:5000/"], ["a.example:5001"], "containerd", NEW, None, []),
    "insecure by network": (["https://10.1.2.3/"], ["10.0.0.0/8", "x"], "containerd", NEW, None, ["insecure registry"]),
    "plain http elsewhere": (["http://a.example/"], [], "containerd", NEW, None, []),
    "plain http, dialled as https": (["http://a.example/"], [], "containerd", OLD, None, ["as https"]),
    "two": (["http://127.0.0.1/", "https://a.example/"], ["a.example"], "containerd", NEW, None, ["on this host", "insecure registry"]),
    "engine unknown": (["http://127.0.0.1/"], [], None, None, TOML, []),
}


@pytest.mark.parametrize(("mirrors", "insecure", "store", "version", "toml", "words"), CASES.values(), ids=CASES)
def test_cautions(mirrors, insecure, store, version, toml, words):
    found = _use.cautions(mirrors, insecure=insecure, image_store=store, version=version, hosts_toml=toml)
    assert len(found) == len(words)
    for word, caution in zip(words, found):
        assert word in caution


@pytest.mark.parametrize(
    ("text", "line"), [('server = "x"\n[host."https://a.example"]\n', 2), ('server = "x"\n', None), ('# [host."x"]\n', None), ("", None), (None, None)]
)
def test_a_host_in_hosts_toml(tmp_path, text, line):
    path = tmp_path / "docker.io" / "hosts.toml"
    path.parent.mkdir()
    if text is not None:
        path.write_text(text)
    assert _look.hosts_in_place_of_mirrors(str(tmp_path)) == (f"{path}, line {line}" if line else None)
