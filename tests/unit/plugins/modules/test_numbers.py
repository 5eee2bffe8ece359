# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option that is a number is refused where it makes no sense, by every module in the same words."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest
import yaml
from ansible.module_utils import basic

from ansible_collections.meshlab.istio.plugins.module_utils._validation import number_problem

ROOT = Path(__file__).resolve().parents[4]
PACKAGE = "ansible_collections.meshlab.istio.plugins.modules"

# What each module needs beside the number.
SPLIT = {"url": "http://web/", "pod": "web", "backends": [{"name": "a", "weight": 1, "match": "a"}]}
NEEDED = {
    "bookinfo_browse": {"url": "http://127.0.0.1:1/productpage", "screenshots_dir": "/nowhere"},
    "image_prepull": {"images": ["busybox"]},
    "istio_config_wait": {"kind": "VirtualService", "name": "web"},
    "istio_info": {},
    "istio_install": {},
    "istio_kube_inject": {"content": "{}"},
    "istio_traffic_split": SPLIT,
    "jaeger_trace_info": {"url": "http://127.0.0.1:1", "service": "web"},
    "workload_wait": {"namespace": "default"},
}


def numbers():
    """Every (module, option) that is a number, from the documentation."""
    for path in sorted((ROOT / "plugins/modules").glob("*.py")):
        text = re.search(r'DOCUMENTATION = r"""(.*?)"""', path.read_text(encoding="utf-8"), re.DOTALL)[1]
        for name, option in yaml.safe_load(text)["options"].items():
            if option.get("type") in ("int", "float"):
                yield path.stem, name


ROWS = list(numbers())


@pytest.fixture
def said(monkeypatch, capsys):
    """Run a module's main with its arguments; returns the message that it fails with."""

    def said(module, arguments):
        sent = json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_no_log": True}}).encode()
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", sent, raising=False)
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        with pytest.raises(SystemExit):
            importlib.import_module(f"{PACKAGE}.{module}").main()
        result = json.loads(capsys.readouterr().out)
        assert result["failed"]
        return result["msg"]

    return said


def test_every_module_with_a_number_has_its_row():
    assert sorted({module for module, _option in ROWS}) == sorted(NEEDED)
    assert len(ROWS) > 20


@pytest.mark.parametrize(("module", "option"), ROWS)
def test_a_bad_number_is_told_with_its_option_and_what_is_allowed(module, option, said):
    told = said(module, {**NEEDED[module], option: -1})
    assert re.match(
        rf"{option} (-[0-9.]+ has to be (within [0-9e.-]+\.\.[0-9.]+|[0-9]+ or more)|must be above 0 and below 100 p)",
        told,
    )


def test_the_number_of_a_service_and_the_weight_of_a_backend_are_told_too(said):
    told = said("workload_wait", {"namespace": "default", "services": {"reviews": -1}})
    assert told == "services: reviews -1 has to be 0 or more"
    backends = [{"name": "a", "weight": -2, "match": "a"}]
    assert (
        said("istio_traffic_split", {**SPLIT, "backends": backends}) == "backends[1] (a): weight -2 has to be 0 or more"
    )


@pytest.mark.parametrize(
    ("value", "low", "high", "told"),
    [
        (None, 1, 2, None),
        (1, 1, 2, None),
        (2, 1, 2, None),
        (10**9, 1, None, None),
        (0, 1, 2, "n 0 has to be within 1..2"),
        (3, 1, 2, "n 3 has to be within 1..2"),
        (0, 1, None, "n 0 has to be 1 or more"),
        (float("nan"), 0, None, "n nan has to be 0 or more"),
    ],
)
def test_a_number_is_allowed_from_the_lowest_to_the_highest(value, low, high, told):
    assert number_problem("n", value, low, high) == told
