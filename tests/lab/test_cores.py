# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules, the role and both playbooks with each older ansible-core in tests/cores, on real engines."""

from __future__ import annotations

import json
import subprocess

import pytest

import conftest

from conftest import HOSTS, ROOT, playbook, run_playbook

CORES = sorted(path.stem for path in ROOT.glob("tests/cores/*.txt"))
MODULE, ROLE, CONFIGURE = "https://module.example", "https://role.example", "https://configure.example"


@pytest.fixture(params=CORES, autouse=True)
def core(request, monkeypatch):
    """Let the lab run the programs of an older ansible-core."""
    folder = f".venv/core-{request.param}"
    subprocess.run([ROOT / "tools/venv", folder, f"tests/cores/{request.param}.txt"], check=True)
    monkeypatch.setattr(conftest, "PROGRAMS", ROOT / folder / "bin")
    _code, out = conftest.ansible("ansible", "--version")
    assert f"[core {request.param}." in out
    return request.param


@pytest.fixture(autouse=True)
def as_it_was(hosts):
    with conftest.as_they_were(hosts):
        yield


def are_in_force(hosts, url):
    return all(f"{url}/" in host.mirrors() for host in hosts)


def test_the_modules(hosts):
    for expected in (True, False):
        results = conftest.modules(hosts, mirrors=[MODULE])
        assert {result["changed"] for result in results.values()} == {expected}, results
        assert are_in_force(hosts, MODULE)
    for result in conftest.modules(hosts, "registry_mirrors_info").values():
        assert f"{MODULE}/" in result["in_force"] and result["drift"] is False, result["output"]
    for result in conftest.modules(hosts, "registry_mirrors_health_info", mirrors=[MODULE]).values():
        assert result["usable_mirrors"] == [] and result["mirrors"][0]["reason"], result["output"]
    for result in conftest.modules(hosts, "daemon_config", check=True, settings={"debug": True}).values():
        assert result["changed"] and result["changed_keys"] == ["debug"], result["output"]


def test_the_role(hosts, tmp_path):
    use = {"role": "pullthrough.docker.docker_mirror", "docker_mirror_urls": [ROLE]}
    path = tmp_path / "play.yml"
    code, counts, out = playbook(path, [{"hosts": "engines", "gather_facts": False, "roles": [use]}])
    assert code == 0 and all(counts[name]["changed"] == 1 for name in HOSTS), out
    assert are_in_force(hosts, ROLE)
    code, counts, out = run_playbook(path)
    assert code == 0 and all(counts[name]["changed"] == 0 for name in HOSTS), out


def test_the_playbooks(hosts, tmp_path):
    variables = {"docker_mirror_urls": [CONFIGURE], "configure_left_file": "", "audit_folder": str(tmp_path)}
    arguments = ["--limit", "engines", "-e", json.dumps(variables)]
    for outcome in ("changed", "unchanged"):
        code, counts, out = run_playbook("pullthrough.docker.configure", *arguments)
        assert code == 0 and set(counts) == set(HOSTS), out
        assert f"after wave 3 of 3: changed {len(HOSTS) if outcome == 'changed' else 0}, healed 0" in out, out
        assert are_in_force(hosts, CONFIGURE)
    code, _counts, out = run_playbook("pullthrough.docker.audit", *arguments)
    report = json.loads((tmp_path / "report.json").read_text())
    assert code == 0 and report["summary"]["hosts"] == len(HOSTS) and "failed" not in report["summary"]["findings"], out
    assert all(f"{CONFIGURE}/" in host["in_force"] for host in report["hosts"])
    assert (tmp_path / "report.html").read_text().endswith("</html>\n")
