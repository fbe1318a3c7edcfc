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


def ends(file: str, name: str) -> int:
    """The exit code of pytest for one property, in the copy: 1 says that it failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/properties/{file}.py", "-k", name]
    return subprocess.run(command, cwd=copy, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode


problems = []
for path in sorted((root / "tests/properties").glob("test_*.py")):
    for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE):
        fault = faults.get(path.stem, {}).pop(name, None)
        if fault is None:
            problems.append(f"{name}: no fault is listed")
        elif not sys.argv[1:] or any(word in name for word in sys.argv[1:]):
            target = copy / "plugins/module_utils" / fault["file"]
            text = target.read_text()
            if text.count(fault["old"]) != 1:
                problems.append(f"{name}: what its fault replaces is not there, or more than once")
                continue
            target.write_text(text.replace(fault["old"], fault["new"]))
            code = ends(path.stem, name)
            target.write_text(text)
            print(f"{'found' if code == 1 else 'NOT FOUND'}  {name}", flush=True)
            if code != 1:
                problems.append(f"{name}: its fault is not found (pytest ended with {code})")
problems += [f"{name}: no such property" for names in faults.values() for name in names]
print("\n".join(problems) or "Each property finds its fault.")
sys.exit(bool(problems))
