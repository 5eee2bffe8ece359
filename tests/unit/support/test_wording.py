# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "support" / "wording.py"
spec = importlib.util.spec_from_file_location("support_wording", SOURCE)
wording = importlib.util.module_from_spec(spec)
spec.loader.exec_module(wording)

ROWS = wording.phrases(wording.LIST.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "text",
    [
        "Unpack it into a Folder.",
        "Somebody else's pods",
        "'x y' is no header's name",
        "the hosts that are wished",
        "It says why the image was refused.",
        "about 80 % of the requests",
        "the port has to be 1 or more",
        "    - name: See that the pods are ready",
    ],
)
def test_a_phrase_of_the_list_is_found(text):
    assert [finding[:3] for finding in wording.findings(f"First line.\n{text}\n", ROWS)] == ["2: "]


@pytest.mark.parametrize(
    "text",
    [
        "Unpack the archive into a directory.",
        "There is no route to the host.",
        "The object is no longer rendered.",
        "    - name: Assert that the user is told to become root",
        "aria-labelledby",
        "{{ 100 % 3 }}",
        "79.0% of the requests",
    ],
)
def test_idiomatic_text_passes(text):
    assert list(wording.findings(text, ROWS)) == []


def test_files_are_named_with_line_and_advice(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("# Title\n\nOne folder.\n", encoding="utf-8")
    assert wording.main([str(page)]) == 1
    assert capsys.readouterr().out == f"{page}:3: folder (directory)\n"
    page.write_bytes(b"\x89PNG\xff folder")
    assert wording.main([str(page)]) == 0
