# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of the role registry_cache agree with each other, and with its module."""

from __future__ import annotations

import pathlib
import re

import yaml

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.pullthrough.docker.plugins.modules import registry_cache

ROLE = pathlib.Path(__file__).resolve().parents[2] / "roles/registry_cache"
DEFAULTS = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
OPTIONS = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
MAIN = yaml.safe_load((ROLE / "tasks/main.yml").read_text())
ROWS = re.findall(
    r"^\| `(registry_cache_\w+)` \| (\w+) \| `(.*?)` \| .* \| `(.*?)` \|$",
    (ROLE / "README.md").read_text(),
    re.MULTILINE,
)


def test_every_default_has_a_type_and_every_option_has_its_default():
    assert {name: option["default"] for name, option in OPTIONS.items()} == DEFAULTS
    assert all(option["type"] and option["description"] for option in OPTIONS.values())


def test_the_readme_has_each_variable_with_its_type_default_and_an_example():
    assert [row[:2] for row in ROWS] == [(name, option["type"]) for name, option in OPTIONS.items()]
    assert {name: yaml.safe_load(default) for name, _kind, default, _example in ROWS} == DEFAULTS
    examples = {name: yaml.safe_load(example) for name, _kind, _default, example in ROWS}
    assert not ArgumentSpecValidator(OPTIONS).validate(examples).error_messages
    assert not [name for name, value in examples.items() if value == DEFAULTS[name]], "an example shows another value"


def test_every_variable_is_used_and_declared():
    text = "".join(path.read_text() for path in ROLE.glob("*/*.yml") if path.parent.name in ("tasks", "handlers"))
    assert set(re.findall(r"(?<!\w)registry_cache_\w+", text)) - {"registry_cache_info"} == set(DEFAULTS)


def test_the_module_gets_every_option():
    (given,) = (task["module_defaults"]["pullthrough.docker.registry_cache"] for task in MAIN if "block" in task)
    assert set(given) == set(registry_cache.ARGUMENTS) - {"step", "unsafe_writes"}
    for option, value in given.items():
        variable = "restart_timeout" if option == "timeout" else option
        assert f"registry_cache_{variable}" in value


def test_only_handlers_and_the_way_back_restart_caches():
    restarting = [path.name for path in ROLE.glob("*/*.yml") if "state: restarted" in path.read_text()]
    assert sorted(restarting) == ["main.yml", "put_back.yml"]
    assert "restarted" not in (ROLE / "tasks/main.yml").read_text()
