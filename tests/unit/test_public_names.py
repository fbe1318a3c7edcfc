# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation says in which release each name came, and names that were released stay."""

from __future__ import annotations

import pathlib

import pytest
import yaml

from semantic_version import Version

from ansible_collections.pullthrough.docker.tests.unit import documentation

ROOT = pathlib.Path(__file__).resolve().parents[2]
LATEST = max(map(Version, yaml.safe_load((ROOT / "changelogs/changelog.yaml").read_text())["releases"]))
RELEASED = {
    (plugin, kind, name): release
    for release, plugins in yaml.safe_load((ROOT / "tests/unit/public_names.yml").read_text()).items()
    for plugin, kinds in plugins.items()
    for kind, names in kinds.items()
    for name in names
}


def public_values():
    """Yield the options and return values of each plugin and role, the key of inner values, and its first release."""
    modules, filters = documentation.MODULES, documentation.FILTERS
    for kind, name in [*(("module", name) for name in modules), *(("filter", name) for name in filters)]:
        plugin, returns = documentation.read(kind, name)
        yield name, "options", plugin.get("options") or {}, "suboptions", plugin["version_added"]
        yield name, "returns", returns, "contains", plugin["version_added"]
    for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"):
        role = yaml.safe_load(path.read_text())["argument_specs"]["main"]
        yield path.parents[1].name, "options", role["options"], "options", role["version_added"]


def named(values, inner, since, before=""):
    """Yield each name, also of inner values, with the release that the documentation gives it."""
    for name, value in values.items():
        added = value.get("version_added", since)
        yield before + name, added
        yield from named(value.get(inner, {}), inner, added, f"{before}{name}.")


DOCUMENTED = {
    (plugin, kind, name): added
    for plugin, kind, values, inner, since in public_values()
    for name, added in named(values, inner, since)
}


def test_each_name_came_in_the_release_that_its_documentation_says():
    assert {name: DOCUMENTED.get(name) for name in RELEASED} == RELEASED


def test_each_release_added_its_names_here():
    """Every other name comes in a later release than the latest one in the changelog."""
    assert {name for name, added in DOCUMENTED.items() if Version(added) <= LATEST} == set(RELEASED)


@pytest.mark.parametrize("value", ["engine", "backups"])
def test_modules_document_a_value_alike_if_they_return_the_same(value):
    returns = [documentation.read("module", name)[1].get(value, {}) for name in documentation.MODULES]
    copies = [
        {key: {**inner, "sample": None} for key, inner in found["contains"].items()}
        for found in returns
        if "contains" in found
    ]
    assert len(copies) >= 2 and all(copy == copies[0] for copy in copies)
