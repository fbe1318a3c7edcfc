# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in hosts.toml that is asked instead of the mirrors is found."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._change import snapshots
from ansible_collections.pullthrough.docker.plugins.module_utils._host.host import Host


class LocalHost(Host):
    """This machine, with a ``certs.d`` of its own."""

    def __init__(self, folder):
        super().__init__(None)
        self.certs = folder

    def certs_folder(self):
        return str(self.certs)


HOST = '[host."https://a.example"]\n'
HOST_TABLES = {
    # name: (text of hosts.toml, line of its first host)
    "a host": (f'server = "x"\n{HOST}', 2),
    "blanks, single quotes, a comment": ("\n\t[ host . 'https://a.example' ] # x\n", 2),
    "a quoted key": ('["host"."https://a.example"]\r\n', 1),
    "a key in single quotes": ("['host'.example]", 1),
    "only a table below it": ('[host."https://a.example".header]\n', 1),
    "only a server": ('server = "x"\n', None),
    "a comment": ('# [host."x"]\n', None),
    "another key": ('[hosts."x"]\n', None),
    "no name": ("[host]\n[host.]\n", None),
    "an array of tables": ('[[host."x"]]\n', None),
    "an inline table": ('host."x" = {}\n', None),
    "an empty file": ("", None),
    "no file": (None, None),
}


@pytest.mark.parametrize("folder", ["docker.io", "_default"])
@pytest.mark.parametrize(("text", "line"), HOST_TABLES.values(), ids=HOST_TABLES)
def test_a_host_in_hosts_toml(tmp_path, folder, text, line):
    path = tmp_path / folder / "hosts.toml"
    path.parent.mkdir()
    if text is not None:
        path.write_text(text)
    assert snapshots._host_in_place_of_mirrors(LocalHost(tmp_path)) == (f"{path}, line {line}" if line else None)


@pytest.mark.parametrize(
    ("text", "place"), [(HOST, "docker.io/hosts.toml, line 1"), ('server = "x"\n', None), (None, None)]
)
def test_a_folder_of_docker_hub_ends_the_default(tmp_path, text, place):
    for folder in ("docker.io", "_default"):
        (tmp_path / folder).mkdir()
    (tmp_path / "_default/hosts.toml").write_text(HOST)
    if text is not None:
        (tmp_path / "docker.io/hosts.toml").write_text(text)
    assert snapshots._host_in_place_of_mirrors(LocalHost(tmp_path)) == (f"{tmp_path}/{place}" if place else None)
