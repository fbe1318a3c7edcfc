# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare the results of a scenario (build/NAME.json) with the table in docs/NAME.md: results.py NAME [--keep].

NAME is faults or registries. With --keep, replace the table. The comparison ignores the wording of messages and the
engines on which a case was not tried.
"""

from __future__ import annotations

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def message_cell(message):
    """Return a message for a cell of the table, without the parts that change from run to run."""
    message = re.sub(r"\bprocess \d+", "process N", message)
    message = re.sub(r'time=\\*"[^"\\]*\\*"', "time=…", message)
    message = re.sub(r'^"msg": "|",?$', "", message)
    return message.replace("\\", "").replace("|", "\\|").replace("\n", " ")


class Faults:
    """The faults of tests/lab/faults.py."""

    head = """# What happens when something goes wrong

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

    @staticmethod
    def cells(row):
        """Return the cells of a row, except the first and the message."""
        shown = {"done": "done", "written": "done", "elsewhere": "done", "either": "failed or done"}.get(
            row["ends"], "failed"
        )
        engine = "old or new" if row["ends"] in ("either", "unknown") else row["engine"]
        file = "old or new" if row["ends"] == "either" else row["file"]
        restarted = "by others" if row["ends"] == "either" else "yes" if row["restarted"] else "no"
        return [shown, file, engine, restarted]

    @staticmethod
    def message(row):
        if "pulled" in row:
            return "the image came from Docker Hub"
        return message_cell(row["message"]) if row["ends"] not in ("done", "written") else ""


class Registries:
    """The mirrors of tests/lab/odd_mirrors.py."""

    head = """# What mirrors answer, and what engines make of it

`make registries` writes this table from its results on Docker Engine {engines}: 26.1 has the classic image store, \
28.5 the containerd
store. Each row is a mirror that has the image, and answers as it should except for what the first column names. The \
second column is what
a real pull did, by the access logs of the mirror and of a stand-in for Docker Hub. *In part* means that some parts \
came from each of them.
*Breaks pulls* means that the pull failed although Docker Hub has the image. The third column is the `verdict` of
`registry_mirrors_health_info` before the pull, and the last one its reason.

| the mirror | the pull | the module | the reason |
|---|---|---|---|
"""

    @staticmethod
    def cells(row):
        """Return the cells of a row, except the first and the message."""
        return [(row[key] or "unknown").replace("_", " ") for key in ("pull", "module")]

    @staticmethod
    def message(row):
        shown = re.sub(r"\b9\d\d\d\b", "PORT", message_cell(row["reason"] or ""))
        return re.sub(r": current time \S+ is after \S+", "", shown)


def table(kind, rows):
    """Return the lines of the table. Engines with equal results share a line."""
    lines = []
    for name, hosts in rows.items():
        groups = {}
        for host, row in hosts.items():
            groups.setdefault(tuple(kind.cells(row)), []).append((host, row))
        for found, members in groups.items():
            versions = ", ".join(host.rpartition("-")[2] for host, _row in members)
            first = name + (f" ({versions})" if len(groups) > 1 else "")
            lines.append(f"| {' | '.join([first, *found, kind.message(members[-1][1])])} |")
    return lines


def documented_rows(kind, document):
    """Return the rows of the table without messages, by case and engine.

    The engine is None where all engines had the same result.
    """
    columns = kind.head.splitlines()[-2].count(" | ")
    found = {}
    for line in document.read_text().partition("|---|\n")[2].splitlines():
        name, *rest = line[2:].split(" | ")[:columns]
        some = re.fullmatch(r"(.*) \((\d+\.\d+(?:, \d+\.\d+)*)\)", name)
        for engine in some[2].split(", ") if some else [None]:
            found[some[1] if some else name, engine] = rest
    return found


def main(name, *options):
    kind = {"faults": Faults, "registries": Registries}[name]
    document = ROOT / f"docs/{name}.md"
    rows = json.loads((ROOT / f"build/{name}.json").read_text())
    runs = [(case, host.rpartition("-")[2], row) for case, hosts in rows.items() for host, row in hosts.items()]
    engines = sorted({engine for _case, engine, _row in runs})
    if "--keep" in options:
        if len(runs) < len(rows) * len(engines):
            why = "Not every case was tried on every engine, so the table would be incomplete"
            sys.exit(f"{why}. Run make {name} first.")
        lines = table(kind, dict(sorted(rows.items())))
        document.write_text(kind.head.format(engines=", ".join(engines)) + "\n".join(lines) + "\n")
    documented = documented_rows(kind, document)
    different = [
        f"{case}: in the table, but not tried" for case in sorted({case for case, _engine in documented} - set(rows))
    ]
    for case, engine, row in runs:
        found, expected = kind.cells(row), documented.get((case, engine), documented.get((case, None)))
        if found != expected:
            different.append(f"{case}, engine {engine}: the table says {expected}, this run {found}")
    print(f"{len(rows)} cases on {len(engines)} engines: {len(runs)} runs, all of them ended as they must")
    if different:
        print("\n".join(different))
        advice = f"If the new result is right, run make {name} and then make {name}-keep"
        sys.exit(f"docs/{name}.md differs from this run. {advice}.")


main(*sys.argv[1:])
