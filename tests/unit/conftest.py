"""Makes the checkout importable as ansible_collections.meshlab.istio, through the link that set-up makes."""

from __future__ import annotations

import sys
from pathlib import Path

COLLECTIONS = Path(__file__).resolve().parents[2] / ".meshlab" / "collections"
sys.path.insert(0, str(COLLECTIONS))
