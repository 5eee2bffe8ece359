"""Writes docs/releases.md from the table of releases, which is the one place for what it says.

releases_page.py        writes it
releases_page.py FILE   writes FILE instead
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "releases.md"

HEAD = """\
# Istio releases and Kubernetes

<!-- Written by tools/releases_page.py from plugins/module_utils/releases.py. Change it there. -->

Each Istio release is tested by its makers with a few Kubernetes versions. `istio_install` and the role `istio` look at
both before they change anything: a pair that does not fit is refused, and the refusal names what would fit
(`skip_version_check` overrules it). A control plane is upgraded one minor at a time: from 1.26 to 1.28 by way of 1.27.

## Which goes with which

| Istio | Kubernetes supported | its installer takes |
|---|---|---|
"""

MIDDLE = """
Installers of releases before {webhooks} cannot work on Kubernetes 1.22 or newer at all: that Kubernetes dropped the
webhook API that they use.

## What differs between releases

The modules know these differences and act on them; by hand, one has to.

| Istio | what |
|---|---|
"""


def page(releases):
    """The page's text, of the module that holds the table."""
    lines = [
        f"| {releases.show(row.minor)} | {releases.show(row.oldest)} to {releases.show(row.newest)} "
        f"| {releases.show(row.kubernetes_min)} and newer |"
        for row in sorted(releases.RELEASES.values(), key=lambda row: row.minor, reverse=True)
    ]
    since = sorted(releases.FEATURES.values(), key=lambda feature: (feature.since, feature.text), reverse=True)
    features = [f"| {span(releases, feature)} | {feature.text} |" for feature in since]
    middle = MIDDLE.format(webhooks=releases.show(releases.FEATURES["v1_webhooks"].since))
    return HEAD + "\n".join(lines) + "\n" + middle + "\n".join(features) + "\n"


def span(releases, feature):
    """For which releases a feature is there: "1.9 and newer"."""
    if feature.until is None:
        return f"{releases.show(feature.since)} and newer"
    return f"{releases.show(feature.since)} to {releases.show((feature.until[0], feature.until[1] - 1))}"


def main():
    sys.path.insert(0, str(ROOT / "plugins" / "module_utils"))
    import releases

    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    target.parent.mkdir(exist_ok=True)
    target.write_text(page(releases), encoding="utf-8")


if __name__ == "__main__":
    main()
