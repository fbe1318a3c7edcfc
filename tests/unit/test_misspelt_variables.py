# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables that no role or playbook reads are found, with the name that was meant."""

from __future__ import annotations

import pathlib
import re

import pytest

from ansible_collections.pullthrough.docker.plugins.filter.misspelt_variables import PLAYBOOKS, misspelt_variables

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAYS = {path.stem: path.read_text() for path in (ROOT / "playbooks").glob("*.yml")}
MEANT = {
    "docker_mirror_url": "docker_mirror_urls",
    "docker_mirror_urls_": "docker_mirror_urls",
    "docker_mirror_keep_container": "docker_mirror_keep_containers",
    "docker_mirror_restart_time": "docker_mirror_restart_timeout",
    "docker_mirror_canary_image": "docker_mirror_canary_images",
    # Their names in 0.3.0.
    "docker_mirror_waves": "configure_waves",
    "docker_mirror_canary_host": "configure_canary_host",
    "docker_mirror_left_file": "configure_left_file",
    "docker_mirror_max_fail_percentage": "configure_max_fail_percentage",
    "docker_mirror_audit_folder": "audit_folder",
    "configure_wave": "configure_waves",
    "configure_skip_without_dockers": "configure_skip_without_docker",
    "audit_folders": "audit_folder",
    "cache_and_clients_ca_files": "cache_and_clients_ca_file",
    "registry_cache_port": "registry_cache_ports",
    "registry_cache_certificates": "registry_cache_certificate",
    "registry_cache_maxsize": "registry_cache_max_size",
}


@pytest.mark.parametrize(("name", "meant"), MEANT.items())
def test_the_name_that_was_meant(name, meant):
    assert misspelt_variables([name]) == [f"There is no variable {name}; did you mean {meant}?"]


def test_a_name_that_is_like_no_other_belongs_to_the_role_all_the_same():
    (sentence,) = misspelt_variables(["docker_mirror_zone"])
    assert sentence.startswith("There is no variable docker_mirror_zone. Names that begin with docker_mirror_ belong")
    assert "docker_mirror_urls, " in sentence


@pytest.mark.parametrize(
    "name", ["configure_firewall", "configure_users", "configure_urls", "audit_log_folder", "audit_rules"]
)
def test_a_name_of_another_tool(name):
    assert misspelt_variables([name]) == []


def test_all_errors_are_found_in_one_run():
    assert len(misspelt_variables(["docker_mirror_url", "docker_mirror_urls", "docker_mirror_states"])) == 2


def test_the_names_that_the_playbooks_set_and_read_are_not_refused():
    names = re.compile(r"\b(?:configure|audit|cache_and_clients)_\w+")
    used = {name for text in PLAYS.values() for name in names.findall(text)}
    assert used > set(PLAYBOOKS) and misspelt_variables(sorted(used)) == []


def test_each_variable_of_a_playbook_is_read_there():
    for name in PLAYBOOKS:
        (play,) = [text for playbook, text in PLAYS.items() if name.startswith(f"{playbook}_")]
        assert re.search(rf"\b{name} (\| default|is defined)", play), name
