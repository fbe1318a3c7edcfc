# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One registries.conf: its entries, and what the clients cannot read."""

from __future__ import annotations

import pytest

from ansible_collections.pullthrough.docker.plugins.module_utils._clients import registries_conf
from ansible_collections.pullthrough.docker.plugins.module_utils._clients.registries_conf import ConfError, Mirror

ONE = '[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\n'
A = '[[registry.mirror]]\nlocation = "a.example"\n'


def read(text, is_drop_in=False):
    return registries_conf.read("x.conf", text.encode(), is_drop_in=is_drop_in)


ENTRIES = {
    # name: (text, (line, prefix, location, mirrors, blocked) of each entry)
    "nothing": ("", []),
    "other keys": (
        'unqualified-search-registries = ["docker.io"]\nshort-name-mode = "disabled"\n[aliases]\na = "b"',
        [],
    ),
    "no mirror": (f"# x\n{ONE}", [(2, "docker.io", "docker.io", (), False)]),
    "mirrors": (
        f'{ONE}{A}{A}insecure = true\npull-from-mirror = "tag-only"',
        [(1, "docker.io", "docker.io", (Mirror("a.example"), Mirror("a.example", True, "tag-only")), False)],
    ),
    "pull-from-mirror": (
        f'{ONE}{A}pull-from-mirror = "all"',
        [(1, "docker.io", "docker.io", (Mirror("a.example"),), False)],
    ),
    "digests": (
        f"{ONE}mirror-by-digest-only = true\n{A}",
        [(1, "docker.io", "docker.io", (Mirror("a.example", False, "digest-only"),), False)],
    ),
    "blocked": (f"{ONE}blocked = true", [(1, "docker.io", "docker.io", (), True)]),
    "only a location": ('[[registry]]\nlocation = "x.example/"', [(1, "x.example", "x.example", (), False)]),
    "a wildcard": ('[[registry]]\nprefix = "*.example"', [(1, "*.example", "", (), False)]),
    "another case": ('[[Registry]]\nLOCATION = "x.example"', [(1, "x.example", "x.example", (), False)]),
    "inline": ('registry = [\n{location = "x.example"}]', [(2, "x.example", "x.example", (), False)]),
    "two": (f"{ONE}\n{ONE}", [(1, "docker.io", "docker.io", (), False), (5, "docker.io", "docker.io", (), False)]),
    "version 1": (
        '[registries.search]\nregistries = ["s.example"]\n[registries.block]\nregistries = ["b.example/"]\n'
        '[registries.insecure]\nregistries = [\n"i.example", "b.example"]',
        [
            (4, "b.example", "b.example", (), True),
            (7, "i.example", "i.example", (), False),
            (7, "b.example", "b.example", (), True),
        ],
    ),
    "an empty version 1 beside version 2": (
        f"registries.search.registries = []\n{ONE}",
        [(2, *["docker.io"] * 2, (), False)],
    ),
}


@pytest.mark.parametrize(("text", "entries"), ENTRIES.values(), ids=ENTRIES)
def test_entries(text, entries):
    found = read(text)
    assert [entry[1:] for entry in found] == entries
    assert all(entry.place == f"x.conf, line {entry.line}" for entry in found)


@pytest.mark.parametrize(
    ("mirror", "url"), [(Mirror("a.example:5/x"), "https://a.example:5/x/"), (Mirror("a", True), "http://a/")]
)
def test_the_url_of_a_mirror(mirror, url):
    assert mirror.url == url


BROKEN = {
    # name: (text, line and column, message)
    "no TOML": ("a", "line 1, column 2", "expected ="),
    "a table": ("[registry]", "line 1, column 2", "registry must be a list"),
    "a list of words": ('registry = ["x"]', "line 1, column 13", "registry must be a list of tables"),
    "a prefix only": (
        '[[registry]]\nprefix = "x.example"',
        "line 1, column 1",
        "this registry has a prefix and no location",
    ),
    "neither": ("\n[[registry]]", "line 2, column 1", "neither a prefix nor a location"),
    "empty": ('[[registry]]\nlocation = "/"', "line 1, column 1", "neither a prefix nor a location"),
    "a number": ("[[registry]]\nlocation = 1", "line 2, column 12", "location must be a string"),
    "a word for a boolean": (f'{ONE}blocked = "no"', "line 4, column 11", "blocked must be true or false"),
    "a number for a boolean": (f"{ONE}insecure = 1", "line 4, column 12", "insecure must be true or false"),
    "a scheme": ('[[registry]]\nlocation = "http://x"', "line 2, column 12", "this name has a scheme"),
    "a scheme of a prefix": (
        '[[registry]]\nlocation = "x"\nprefix = "https://x"',
        "line 3, column 10",
        "this name has a scheme",
    ),
    "a scheme of a mirror": (
        f'{ONE}[[registry.mirror]]\nlocation = "https://x"',
        "line 5, column 12",
        "this name has a scheme",
    ),
    "a mirror without a location": (f"{ONE}[[registry.mirror]]", "line 4, column 1", "this mirror has no location"),
    "another value": (f'{ONE}{A}pull-from-mirror = "x"', "line 4, column 1", "must be all, digest-only or tag-only"),
    "both restrictions": (
        f'{ONE}mirror-by-digest-only = true\n{A}pull-from-mirror = "all"',
        "line 5, column 1",
        "cannot be used beside mirror-by-digest-only",
    ),
    "of a registry": (f'{ONE}pull-from-mirror = "all"', "line 1, column 1", "only for mirrors"),
    "insecure differs": (f"{ONE}{ONE}insecure = true", "line 4, column 1", "another value of blocked or insecure"),
    "blocked differs": (f"{ONE}blocked = true\n{ONE}", "line 5, column 1", "another value of blocked or insecure"),
    "a mode": ('short-name-mode = "x"', "line 1, column 1", "must be enforcing, permissive or disabled"),
    "names that are no list": ('unqualified-search-registries = "x"', "line 1, column 1", "must be a list"),
    "names that are no words": ("unqualified-search-registries = [1]", "line 1, column 34", "a list of strings"),
    "a name with a scheme": ('unqualified-search-registries = ["http://x"]', "line 1, column 34", "has a scheme"),
    "helpers": ("credential-helpers = [1]", "line 1, column 23", "a list of strings"),
    "aliases": ("[aliases]\na = 1", "line 1, column 2", "aliases must be a table of strings"),
    "an alias that is no table": ("aliases = 1", "line 1, column 1", "aliases must be a table of strings"),
    "both versions": (f'registries.block.registries = ["x"]\n{ONE}', "line 1, column 1", "also has version 2"),
    "both versions, names": (
        'unqualified-search-registries = []\nregistries.block.registries = ["x"]',
        "line 2, column 1",
        "also has version 2",
    ),
    "version 1 that is no table": ("registries = 1", "line 1, column 1", "registries must be a table"),
    "a part of version 1": ("registries.block = 1", "line 1, column 12", "registries.block must be a table"),
    "a list of version 1": ("registries.block.registries = [1]", "line 1, column 32", "a list of strings"),
    "a scheme in version 1": ('registries.block.registries = ["http://x"]', "line 1, column 32", "has a scheme"),
}


@pytest.mark.parametrize(("text", "place", "message"), BROKEN.values(), ids=BROKEN)
def test_what_the_clients_cannot_read(text, place, message):
    with pytest.raises(ConfError) as error:
        read(text)
    assert str(error.value).startswith(f"x.conf, {place}: ") and message in str(error.value)


VALUES = {
    "a scheme": '[[registry]]\nlocation = "https://hush"',
    "a prefix without a location": '[[registry]]\nprefix = "me:hush@a.example"',
    "pulls": f'{ONE}{A}pull-from-mirror = "hush"',
    "a mode": 'short-name-mode = "hush"',
    "both": '[[registry]]\nlocation = "me:hush@a"\n[[registry]]\nlocation = "me:hush@a"\nblocked = true',
}


@pytest.mark.parametrize("text", VALUES.values(), ids=VALUES)
def test_an_error_quotes_no_value(text):
    with pytest.raises(ConfError) as error:
        read(text)
    assert "hush" not in str(error.value)


def test_version_1_in_a_drop_in():
    with pytest.raises(ConfError, match=r"x.conf, line 1, column 1: .* a drop-in must have version 2"):
        read('registries.search.registries = ["x"]', is_drop_in=True)
    assert read("[registries.search]\nregistries = []", is_drop_in=True) == []
