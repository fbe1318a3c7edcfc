# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command and keep what it printed, with its colours, as a picture: recording.py PICTURE.svg SHOWN_COMMAND COMMAND...

SHOWN_COMMAND is what stands after the prompt, as a user would type it. The picture in the README, docs/docsite/rst/run.svg, was made of
"ansible-playbook -i hosts pullthrough.docker.configure", with ANSIBLE_DISPLAY_SKIPPED_HOSTS=false.
"""

from __future__ import annotations

import io
import os
import pathlib
import subprocess
import sys

from rich.console import Console
from rich.text import Text

WIDTH = 132


def main() -> None:
    picture, shown, *command = sys.argv[1:]
    environment = {**os.environ, "ANSIBLE_FORCE_COLOR": "true", "COLUMNS": str(WIDTH)}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(done.stdout)
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text.from_ansi(f"\x1b[1m$ {shown}\x1b[0m\n{done.stdout}"))
    pathlib.Path(picture).write_text(console.export_svg(title="pullthrough.docker"))


if __name__ == "__main__":
    main()
