# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare the results of the scenario "faults" (build/faults.json) with docs/faults.md: faults.py [--keep].

With --keep, replace the table. The comparison ignores the wording of messages and the engines on which a fault was not
tried.
"""

from __future__ import annotations

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs/faults.md"
HEAD = """# What happens when something goes wrong

`make faults` writes this table from its results on Docker Engine {engines}. Each run declares one new \
mirror on a host whose engine uses
another one, while something is broken. In every row, on every engine, these hold when the fault is over: the \
engine runs, the container
without a restart policy never stopped, `daemon.json` has every byte it had except those of its mirrors, no \
traceback was shown, and the
next run puts the new mirror in force, leaves no file behind, and changes nothing when it is repeated. *Restarted* \
tells whether the engine
restarted during the run; containers kept running then because `live-restore` is on.

| fault | the run | `daemon.json` after it | in force after it | restarted | the message |
|---|---|---|---|---|---|
"""


def message_cell(message):
    """Return a message for a cell of the table, without the parts that change from run to run."""
    message = re.sub(r"\bprocess \d+", "process N", message)
    message = re.sub(r'time=\\*"[^"\\]*\\*"', "time=…", message)
    message = re.sub(r'^"msg": "|",?$', "", message)
    return message.replace("\\", "").replace("|", "\\|").replace("\n", " ")


def cells(name, row):
    """Return the cells of a row, except the message."""
    shown = {"done": "done", "written": "done", "elsewhere": "done", "either": "failed or done"}.get(
        row["ends"], "failed"
    )
    engine = "old or new" if row["ends"] in ("either", "unknown") else row["engine"]
    file = "old or new" if row["ends"] == "either" else row["file"]
    restarted = "by others" if row["ends"] == "either" else "yes" if row["restarted"] else "no"
    return [name, shown, file, engine, restarted]


def table(rows):
    """Return the lines of the table. Engines with equal results share a line."""
    lines = []
    for name, hosts in rows.items():
        groups = {}
        for host, row in hosts.items():
            groups.setdefault(tuple(cells(name, row)), []).append((host, row))
        for found, members in groups.items():
            versions = ", ".join(host.rpartition("-")[2] for host, _row in members)
            first = found[0] + (f" ({versions})" if len(groups) > 1 else "")
            row = members[-1][1]
            message = "the image came from Docker Hub" if "pulled" in row else message_cell(row["message"])
            has_message = row["ends"] not in ("done", "written") or "pulled" in row
            lines.append(f"| {' | '.join([first, *found[1:], message if has_message else ''])} |")
    return lines


def documented_rows():
    """Return the rows of docs/faults.md without messages, by fault and engine.

    The engine is None where all engines had the same result.
    """
    found = {}
    for line in DOCUMENT.read_text().partition("|---|\n")[2].splitlines():
        name, *rest = line[2:].split(" | ")[:5]
        some = re.fullmatch(r"(.*) \((\d+\.\d+(?:, \d+\.\d+)*)\)", name)
        for engine in some[2].split(", ") if some else [None]:
            found[some[1] if some else name, engine] = rest
    return found


rows = json.loads((ROOT / "build/faults.json").read_text())
runs = [(name, host.rpartition("-")[2], row) for name, hosts in rows.items() for host, row in hosts.items()]
engines = sorted({engine for _name, engine, _row in runs})
if "--keep" in sys.argv[1:]:
    if len(runs) < len(rows) * len(engines):
        sys.exit("Not every fault was tried on every engine, so the table would be incomplete. Run make faults first.")
    DOCUMENT.write_text(HEAD.format(engines=", ".join(engines)) + "\n".join(table(dict(sorted(rows.items())))) + "\n")
documented = documented_rows()
different = [
    f"{name}: in the table, but not tried" for name in sorted({name for name, _engine in documented} - set(rows))
]
for name, engine, row in runs:
    found, expected = cells(name, row)[1:], documented.get((name, engine), documented.get((name, None)))
    if found != expected:
        different.append(f"{name}, engine {engine}: the table says {expected}, this run {found}")
print(f"{len(rows)} faults on {len(engines)} engines: {len(runs)} runs, all of them ended as they must")
if different:
    print("\n".join(different))
    sys.exit(
        "docs/faults.md differs from this run. If the new result is right, run make faults and then make faults-keep."
    )
