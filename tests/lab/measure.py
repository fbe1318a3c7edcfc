# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command, and write its seconds and the megabytes of its largest process to a file: measure.py FILE COMMAND"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

path, *command = sys.argv[1:]
began = time.monotonic()
code = subprocess.call(command)
seconds = time.monotonic() - began
# Of all descendants, as each process of the module waits for those that it starts.
largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
with open(path, "w", encoding="utf-8") as file:
    json.dump({"seconds": round(seconds, 2), "megabytes": round(largest)}, file)
sys.exit(code)
