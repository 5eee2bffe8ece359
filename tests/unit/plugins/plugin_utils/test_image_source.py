# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.plugin_utils.image_source import fault, image_source

HUB = "registry-1.docker.io"
NOT_EXPECTED = "Status code was -1 and not [200, 401]: Request failed: "
REFUSED = {"status": -1, "msg": NOT_EXPECTED + "<urlopen error [Errno 111] Connection refused>"}


@pytest.mark.parametrize(
    ("wanted", "archive", "mirror", "answer", "expected"),
    [
        ("build", "", "", {"skipped": True}, ("build", "kind_cluster_image_source is build")),
        ("registry", "/a.tar", "", {"status": 200}, ("registry", "kind_cluster_image_source is registry")),
        ("auto", "/a.tar", "", {"skipped": True}, ("archive", "kind_cluster_image_archive is /a.tar")),
        ("auto", "", "", {"status": 200}, ("registry", "Docker Hub (registry-1.docker.io) answers")),
        ("auto", "", "m:5000", {"status": 401, "msg": "login"}, ("registry", "the mirror m:5000 answers")),
    ],
)
def test_image_source(wanted, archive, mirror, answer, expected):
    chosen = image_source(wanted, archive, HUB, mirror, answer, {})
    assert (chosen["source"], chosen["reason"]) == expected
    assert (chosen["problem"], chosen["remedy"]) == ("", "")


@pytest.mark.parametrize(("wanted", "source"), [("auto", "build"), ("registry", "registry")])
def test_registry_that_does_not_answer(wanted, source):
    chosen = image_source(wanted, "", HUB, "", REFUSED, {})
    assert chosen["source"] == source
    assert chosen["problem"] == "Docker Hub (registry-1.docker.io) does not answer (connection refused)"
    assert chosen["remedy"].startswith("Behind a proxy, set https_proxy")
    assert chosen["remedy"].endswith("or set kind_cluster_registry_mirror to a registry that answers.")
    assert wanted == "registry" or chosen["reason"] == chosen["problem"]


def test_the_proxy_of_docker_is_named():
    remedy = image_source("auto", "", HUB, "", REFUSED, {"HttpsProxy": "http://proxy.example:3128"})["remedy"]
    assert remedy.startswith("Docker uses the proxy http://proxy.example:3128: set https_proxy to it")


@pytest.mark.parametrize(
    ("message", "reason", "remedy"),
    [
        ("<urlopen error [Errno -2] Name or service not known>", "its name cannot be resolved", "https_proxy"),
        ("<urlopen error [Errno -3] Temporary failure in name resolution>", "its name cannot be resolved", "sudo"),
        ("<urlopen error [Errno 111] Connection refused>", "connection refused", "https_proxy"),
        ("<urlopen error timed out>", "no answer within 10 s", "https_proxy"),
        ("<urlopen error [Errno 113] No route to host>", "there is no route to it", "https_proxy"),
        (
            "<urlopen error Tunnel connection failed: 407 Proxy Authentication Required>",
            "the proxy requires a user name and a password: 407",
            "USER:PASSWORD@HOST",
        ),
        (
            "<urlopen error Tunnel connection failed: 403 Forbidden>",
            "the proxy refuses the connection: 403 Forbidden",
            "Ask for access",
        ),
        ("<urlopen error [SSL: CERTIFICATE_VERIFY_FAILED] self-signed>", "its TLS certificate cannot", "SSL_CERT_FILE"),
        ("<urlopen error unusual>", "unusual", "https_proxy"),
    ],
)
def test_faults(message, reason, remedy):
    found = fault({"status": -1, "msg": NOT_EXPECTED + message})
    assert found[0].startswith(reason)
    assert remedy in found[1]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            {"status": 503, "msg": "Status code was 503 and not [200, 401]: HTTP Error 503: Unavailable"},
            "HTTP status 503",
        ),
        ({"status": -1, "msg": "Failed to validate the SSL certificate for r:443."}, "its TLS certificate cannot"),
        ({"status": -1}, "no message"),
        ({"status": 200}, ""),
        ({"status": 401}, ""),
    ],
)
def test_other_answers(answer, reason):
    assert fault(answer)[0].startswith(reason) and bool(fault(answer)[0]) == bool(reason)
