# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plant each fault of tests/properties/faults.yml in a copy of the checkout, and see its property find it: planted_faults.py [WORD...],
words of the names of properties. It fails where a property finds nothing, where a fault no longer applies, and where a property has none.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

from pathlib import Path

import yaml

root = Path(__file__).resolve().parent.parent
copy = Path(subprocess.run([root / "tools/stage"], check=True, capture_output=True, text=True).stdout.strip())
environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(root / "build/stage")}
faults = yaml.safe_load((root / "tests/properties/faults.yml").read_text())


def ends(file: str, name: str, profile: str) -> int:
    """The exit code of pytest for one property, in the copy: 1 says that it failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--hypothesis-profile={profile}", f"tests/properties/{file}.py", "-k", name]
    return subprocess.run(command, cwd=copy, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode


problems = []
for path in sorted((root / "tests/properties").glob("test_*.py")):
    for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE):
        planted = faults.get(path.stem, {}).pop(name, [])
        if not planted:
            problems.append(f"{name}: no fault is listed")
        if sys.argv[1:] and not any(word in name for word in sys.argv[1:]):
            continue
        for fault in [planted] if isinstance(planted, dict) else planted:
            target = copy / "plugins/module_utils" / fault["file"]
            text = target.read_text()
            if text.count(fault["old"]) != 1:
                problems.append(f"{name}: what its fault in {fault['file']} replaces is not there, or more than once")
                continue
            target.write_text(text.replace(fault["old"], fault["new"]))
            profile = next((profile for profile in ("fast", "planted") if ends(path.stem, name, profile) == 1), None)
            target.write_text(text)
            print(f"{f'found, {profile}' if profile else 'NOT FOUND':16} {name}: {fault['file']}", flush=True)
            if profile is None:
                problems.append(f"{name}: its fault in {fault['file']} is not found")
problems += [f"{name}: no such property" for names in faults.values() for name in names]
print("\n".join(problems) or "Each property finds its fault.")
sys.exit(bool(problems))
