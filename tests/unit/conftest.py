"""Makes the checkout importable as ansible_collections.meshlab.istio, by set-up's link; settings of hypothesis."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hypothesis

COLLECTIONS = Path(__file__).resolve().parents[2] / ".meshlab" / "collections"
sys.path.insert(0, str(COLLECTIONS))
# Modules that several tests share.
sys.path.insert(0, str(Path(__file__).resolve().parent))

# What lands is judged by the same examples each time; at a desk the search goes on with new ones.
# Machines are noisy: no example fails for the time that it took.
hypothesis.settings.register_profile("desk", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "desk")
