# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command, and print its exit code, seconds, output and the memory of its largest process (MiB) as JSON.

measured.py COMMAND...
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

started = time.monotonic()
done = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
print(
    json.dumps(
        {
            "rc": done.returncode,
            "seconds": time.monotonic() - started,
            "peak": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
            "lines": (done.stdout + done.stderr).splitlines(),
        }
    )
)
