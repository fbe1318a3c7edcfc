# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the table of faults from what the scenario "faults" saw (build/faults.json), and say how it differs from the one that is kept:
faults.py [--keep]. With --keep the new one is kept. What was seen is compared, the wording of messages is not, nor are engines on which a fault was not
tried."""

from __future__ import annotations

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
KEPT = ROOT / "docs/faults.md"
HEAD = """# What happens when something goes wrong

Made by `make faults` from what it saw, on Docker Engine {engines}. Each run declared one new mirror on a host whose engine used another, while
something was broken. In every row, on every engine: once the fault was over the engine ran, the container without a restart policy had
never stopped, every byte of `daemon.json` but the mirrors' was there, no traceback was shown, and the next run brought the new mirror
into force, left no file behind, and found nothing to do when repeated. *Restarted* says whether the engine's process was another after the
run; where containers lived through that, `live-restore` was on.

| fault | the run | `daemon.json` then | in force then | restarted | the message |
|---|---|---|---|---|---|
"""


def plain(message):
    """A message without what differs from run to run, fit for a cell."""
    message = re.sub(r"\bprocess \d+", "process N", message)
    message = re.sub(r'time=\\*"[^"\\]*\\*"', "time=…", message)
    message = re.sub(r'^"msg": "|",?$', "", message)
    return message.replace("\\", "").replace("|", "\\|").replace("\n", " ")


def cells(name, row):
    shown = {"done": "done", "written": "done", "elsewhere": "done", "either": "failed or done"}.get(row["ends"], "failed")
    engine = "old or new" if row["ends"] in ("either", "unknown") else row["engine"]
    file = "old or new" if row["ends"] == "either" else row["file"]
    restarted = "by others" if row["ends"] == "either" else "yes" if row["restarted"] else "no"
    return [name, shown, file, engine, restarted]


def table(rows):
    lines = []
    for name, hosts in rows.items():
        groups = {}
        for host, row in hosts.items():
            groups.setdefault(tuple(cells(name, row)), []).append((host, row))
        for found, members in groups.items():
            versions = ", ".join(host.rpartition("-")[2] for host, _row in members)
            first = found[0] + (f" ({versions})" if len(groups) > 1 else "")
            row = members[-1][1]
            message = "the image came from Docker Hub" if "pulled" in row else plain(row["message"])
            lines.append(f"| {' | '.join([first, *found[1:], message if row['ends'] not in ('done', 'written') or 'pulled' in row else ''])} |")
    return lines


def kept_rows():
    """The rows that are kept without their messages, by fault and engine; where all engines did the same, for the engine None."""
    found = {}
    for line in KEPT.read_text().partition("|---|\n")[2].splitlines():
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
        sys.exit("Not every fault was tried on every engine, so this is not the whole table. Run make faults first.")
    KEPT.write_text(HEAD.format(engines=", ".join(engines)) + "\n".join(table(dict(sorted(rows.items())))) + "\n")
kept = kept_rows()
different = [f"{name}: kept, and not tried" for name in sorted({name for name, _engine in kept} - set(rows))]
for name, engine, row in runs:
    found, expected = cells(name, row)[1:], kept.get((name, engine), kept.get((name, None)))
    if found != expected:
        different.append(f"{name}, engine {engine}: kept is {expected}, seen {found}")
print(f"{len(rows)} faults on {len(engines)} engines: {len(runs)} runs, every one as promised")
if different:
    print("\n".join(different))
    sys.exit("docs/faults.md is not what this run saw. Look at the difference, and keep that of a whole run (make faults) with: make faults-keep")
