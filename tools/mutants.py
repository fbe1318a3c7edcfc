# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Count the mutants that the tests killed, name those that survived, and fail where too many did or one has no reason:
mutants.py SURVIVORS [PATTERN...], in the folder where mutmut ran.

SURVIVORS is YAML: by function (file.function), each mutant's change ("- old" and "+ new" lines in one text) to the reason why no
test can or should kill it. A time-out counts as a survivor, and so does a mutant that no test reaches.
"""

from __future__ import annotations

import collections
import fnmatch
import pathlib
import sys

import yaml

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

LEAST = 0.95
CORE = pathlib.Path("ansible_collections/pullthrough/docker/plugins/module_utils")

listed = yaml.safe_load(pathlib.Path(sys.argv[1]).read_text()) or {}
patterns = sys.argv[2:]
seen = collections.defaultdict(dict)
total = killed = 0
files = sorted(path for path in CORE.glob("_*.py") if path.name != "__init__.py")
for path in files:
    data = SourceFileMutationData(path=path)
    data.load()
    counts = collections.Counter()
    for name, code in data.exit_code_by_key.items():
        if patterns and not any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
            continue
        status = status_by_exit_code[code]
        counts[status] += 1
        if status != "killed":
            file, _dot, function = name.removeprefix(f"{'.'.join(CORE.parts)}.").partition(".")
            function = function.rpartition("__mutmut_")[0].removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
            diff = get_diff_for_mutant(name, path=path).splitlines()[3:]
            change = "\n".join(f"{line[0]} {line[1:].strip()}" for line in diff if line[:1] in ("-", "+") and line.strip("+- "))
            seen[f"{file}.{function}"][change] = f"{status}, {name}"
    if counts:
        print(f"{path.name:22} {counts['killed']:5} of {sum(counts.values()):5} killed   {dict(counts)}")
        total += sum(counts.values())
        killed += counts["killed"]
without = [(function, change, said) for function, changes in seen.items() for change, said in changes.items() if change not in listed.get(function, {})]
stale = [(function, change) for function, changes in listed.items() for change in changes if change not in seen.get(function, {})] if not patterns else []
for function, change, said in without:
    print(f"\nsurvivor without a reason: {function} ({said})\n{change}")
for function, change in stale:
    print(f"\nlisted and not a survivor: {function}\n{change}")
print(f"\n{killed} of {total} mutants killed: {100 * killed / total:.2f} %, in {len(files)} files; {len(without)} survivors without a reason")
if killed < LEAST * total or without or stale:
    sys.exit(1)
