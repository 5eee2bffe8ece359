# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module rejects every out-of-range numeric option with the same message."""

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

# Required arguments of each module.
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
    """Every documented numeric option as (module, option)."""
    for path in sorted((ROOT / "plugins/modules").glob("*.py")):
        text = re.search(r'DOCUMENTATION = r"""(.*?)"""', path.read_text(encoding="utf-8"), re.DOTALL)[1]
        for name, option in yaml.safe_load(text)["options"].items():
            if option.get("type") in ("int", "float"):
                yield path.stem, name


ROWS = list(numbers())


@pytest.fixture
def failure(monkeypatch, capsys):
    """A function that runs main() of a module with arguments and returns the failure message."""

    def run_main(module, arguments):
        sent = json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_no_log": True}}).encode()
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", sent, raising=False)
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        with pytest.raises(SystemExit):
            importlib.import_module(f"{PACKAGE}.{module}").main()
        result = json.loads(capsys.readouterr().out)
        assert result["failed"]
        return result["msg"]

    return run_main


def test_every_module_with_a_numeric_option_is_tested():
    assert sorted({module for module, _option in ROWS}) == sorted(NEEDED)
    assert len(ROWS) > 20


@pytest.mark.parametrize(("module", "option"), ROWS)
def test_message_names_option_and_allowed_range(module, option, failure):
    message = failure(module, {**NEEDED[module], option: -1})
    assert re.match(
        rf"{option} must be ((between [0-9e.-]+ and [0-9.]+|at least [0-9]+), got -[0-9.]+|above 0 and below 100)",
        message,
    )


def test_nested_numbers_are_checked(failure):
    message = failure("workload_wait", {"namespace": "default", "services": {"reviews": -1}})
    assert message == "services: reviews must be at least 0, got -1"
    backends = [{"name": "a", "weight": -2, "match": "a"}]
    message = failure("istio_traffic_split", {**SPLIT, "backends": backends})
    assert message == "backends[1] (a): weight must be at least 0, got -2"


@pytest.mark.parametrize(
    ("value", "low", "high", "message"),
    [
        (None, 1, 2, None),
        (1, 1, 2, None),
        (2, 1, 2, None),
        (10**9, 1, None, None),
        (0, 1, 2, "n must be between 1 and 2, got 0"),
        (3, 1, 2, "n must be between 1 and 2, got 3"),
        (0, 1, None, "n must be at least 1, got 0"),
        (float("nan"), 0, None, "n must be at least 0, got nan"),
    ],
)
def test_limits_are_inclusive(value, low, high, message):
    assert number_problem("n", value, low, high) == message
