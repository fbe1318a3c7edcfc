# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sample output in the READMEs and guides is what the code prints. Long lines are wrapped there."""

from __future__ import annotations

import pathlib
import re

import pytest

from ansible_collections.pullthrough.docker.plugins.filter.configure_summary import configure_summary
from ansible_collections.pullthrough.docker.plugins.filter.mirror_status import mirror_status
from ansible_collections.pullthrough.docker.tests.unit.audited import DEAD, HEALTHY, NO_ENGINE, info, report_of
from ansible_collections.pullthrough.docker.tests.unit.role_fleet import ABSENT, ADDED, OWN, SAME

ROOT = pathlib.Path(__file__).resolve().parents[2]
URL = "https://mirror.gcr.io"


def words(text):
    return " ".join(text.split())


def sample(page, begin):
    """Return the text of the block of a page that begins with these words."""
    text = (ROOT / page).read_text()
    blocks = re.findall(r"^```text\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    blocks += re.findall(r"^[.][.] code-block:: text\n\n((?: {3}.*\n|\n)+)", text, re.MULTILINE)
    (found,) = [words(block) for block in blocks if words(block).startswith(begin)]
    return found


def last_line(playbook, variable, **values):
    """Return the text of a variable of a playbook with the values of its expressions."""
    found = re.search(rf"^ +{variable}: >-\n((?: +.*\n)+?)(?=\n|\S|\Z)", (ROOT / playbook).read_text(), re.MULTILINE)
    return re.sub(r"{{ (.*?) }}", lambda expression: values[expression[1].split(" | ")[0]], words(found[1]))


# -- the line about a host -------------------------------------------------------------------------------------------

LINES = {
    "README.md": ("localhost", ADDED, {}),
    "roles/docker_mirror/README.md": ("trixie", ADDED, {}),
    "docs/docsite/rst/guide_first_steps.rst": ("docker-1.example.com", ADDED, {}),
}


@pytest.mark.parametrize("page", LINES)
def test_the_line_about_a_host(page):
    host, result, options = LINES[page]
    (line,) = mirror_status(result, host, [URL], **options)
    assert line in words((ROOT / page).read_text())


REMOVALS = {
    # name: (result, its options)
    "removed": (
        {**ADDED, "mirrors": [], "in_force": [], "diff": [{**ADDED["diff"][1], "before": f"{OWN}\n", "after": ""}]},
        {"urls": [OWN]},
    ),
    "nothing to remove": ({**SAME, "mirrors": [OWN], "previous_mirrors": [OWN], "in_force": [OWN]}, {"urls": [URL]}),
}


@pytest.mark.parametrize(("result", "options"), REMOVALS.values(), ids=REMOVALS)
def test_the_lines_about_a_removal(result, options):
    lines = mirror_status(result, "docker-1.example.com", state="absent", **options)
    text = words((ROOT / "docs/docsite/rst/guide_remove.rst").read_text())
    assert lines and [line for line in lines if line.replace("cache.example/", "cache.example.com/") not in text] == []


# -- a fleet ---------------------------------------------------------------------------------------------------------

HEALED = {**SAME, "changed": True, "reloaded": True, "diff": ADDED["diff"][1:]}
COMMENTS = (
    "/etc/docker/daemon.json, line 2, column 3: comments are not JSON, and the engine refuses them. "
    "Nothing was changed. Fix the file first."
)
"""What the module says of such a file on real engines."""
FLEET = {"web-1": SAME, "web-2": ADDED, "web-3": HEALED, "web-4": COMMENTS, "db-1": ABSENT}


def of_run(host, result):
    """Return what the playbook keeps of a host: the result of its module, or the message of a failure."""
    if isinstance(result, str):
        return {"host": host, "results": [{"failed": True, "msg": result}], "pid": None, "failure": result}
    return {"host": host, "results": [result], "pid": 7, "failure": "", "state": result["engine"]["state"]}


def test_the_summary_of_configure():
    summary = configure_summary([of_run(*item) for item in FLEET.items()], list(FLEET), waves=[1, "10%", "100%"])
    end = {"configure_summary.left": "1", "configure_left_path": "/home/op/configure.left"}
    expected = [*summary["lines"], last_line("playbooks/configure.yml", "configure_next_step", **end)]
    assert sample("docs/docsite/rst/guide_fleets.rst", "after wave 3 of 3") == " ".join(expected)


def test_the_summary_of_the_audit():
    drift = "The engine does not use what is configured: it uses no mirror."
    hosts = {
        "db-1": (NO_ENGINE, None),
        "web-1": (info(), [HEALTHY]),
        "web-2": (info(), [{**DEAD, "reason": "no connection: timed out"}]),
        "web-3": (info(in_force=[], drift_reasons=[drift]), []),
    }
    place = last_line("playbooks/audit.yml", "audit_place", audit_report_folder="/home/op/audit")
    assert sample("docs/docsite/rst/guide_report.rst", "1 of 4 hosts") == " ".join([*report_of(hosts)["lines"], place])


def test_the_refused_file_of_the_sample_is_one_of_the_faults_on_real_engines():
    assert words(COMMENTS) in words((ROOT / "docs/faults.md").read_text())
