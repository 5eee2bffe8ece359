# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the Bookinfo product page with a given browser: its three looks, signing in and signing out."""

from __future__ import annotations

import os
import re
from collections import namedtuple
from urllib.parse import urlsplit

from ansible_collections.meshlab.istio.plugins.module_utils._validation import DAY, number_problem

Look = namedtuple("Look", "title version")

# The looks of the page with the three versions of reviews.
LOOKS = {
    "none": Look("no stars", "reviews v1"),
    "black": Look("black stars", "reviews v2"),
    "red": Look("red stars", "reviews v3"),
}
# File names of the screenshots.
FILES = {
    "none": "productpage-no-stars.png",
    "black": "productpage-black-stars.png",
    "red": "productpage-red-stars.png",
    "signed_in": "productpage-signed-in.png",
    "narrow": "productpage-narrow.png",
}
WIDTH, NARROW_WIDTH = 1280, 390  # pixels, of a desktop and a phone
# Maximum number of reloads of the signed-in page until it has this look, so that its screenshot is reproducible.
SIGNED_IN_RELOADS = 30
SIGNED_IN_LOOK = "red"


class PageError(Exception):
    """The page is not as expected. The message is for the user."""


def check(params: dict) -> None:
    """Raise PageError for invalid options."""
    url, address = params["url"], params["address"]
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid:
        raise PageError(f"url must be an HTTP URL such as http://127.0.0.1:30080/productpage, got {url!r}")
    port = re.fullmatch(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\],]+):([0-9]{1,5})", address or "")
    if address and not (port and 0 < int(port[1]) < 65536):
        raise PageError(f"address must be host:port such as 127.0.0.1:30080, got {address!r}")
    if not re.fullmatch(r"[^\s\x00-\x1f]{1,64}", params["user"]):
        raise PageError(f"user must have 1 to 64 characters and no spaces, got {params['user']!r}")
    for name, low, high in (("reloads", 0, None), ("timeout", 1, DAY)):
        problem = number_problem(name, params[name], low, high)
        if problem:
            raise PageError(problem)


def color_name(red: int, green: int, blue: int) -> str:
    """Return "red" or "black" for all shades of these colors, and "rgb(...)" for all others."""
    if red >= 128 and red >= 2 * max(green, blue):
        return "red"
    if max(red, green, blue) <= 96:
        return "black"
    return f"rgb({red}, {green}, {blue})"


def look_of(page: dict) -> str:
    """Return which of LOOKS a page has, else a description. page: as the browser read it."""
    if not page["reviews"]:
        error = re.search(r"error fetching product reviews[^\n]*(?:\s+[^\n]+)?", page["text"], re.IGNORECASE)
        return "no reviews" + (f" ({' '.join(error[0].split())})" if error else "")
    colors = sorted({color_name(*x) for x in page["stars"]})
    if len(colors) == 1:
        return colors[0] if colors[0] in LOOKS else f"{colors[0]} stars"
    if colors:
        return f"stars of several colors: {', '.join(colors)}"
    error = re.search(r"ratings service is [^\n]*unavailable", page["text"], re.IGNORECASE)
    return f"reviews without ratings ({error[0]})" if error else "none"


def served_by(page: dict) -> str | None:
    """Return the pod that served the reviews, as the page shows it; None for old releases, which do not show it."""
    found = re.search(r"served by:\s*([a-z0-9][-a-z0-9.]*)", page["text"])
    return found[1] if found else None


def screenshot(look: str, directory: str, user: str) -> dict:
    """Return path, title and look of a screenshot."""
    if look in LOOKS:
        title = f"The product page with {LOOKS[look].title} ({LOOKS[look].version})"
    else:
        title = f"Signed in as {user}" + (", on a narrow screen" if look == "narrow" else "")
    return {"path": os.path.join(directory, FILES[look]), "title": title, "look": look}


def title_of(look: str) -> str:
    return LOOKS[look].title if look in LOOKS else look


def _count(number, noun):
    return f"{number} {noun}{'' if number == 1 else 's'}"


def summarize(page: dict) -> str:
    """Return the title and the first words of a page."""
    text = " ".join(page["text"].split())
    return f"title {page['title']!r}, text {text[:200] + '...' if len(text) > 200 else text!r}"


def check_page(page: dict, url: str) -> None:
    """Raise PageError if the page is not a product page."""
    if not page["sign_in"] and not page["sign_out"]:
        raise PageError(
            f"{url} is not the Bookinfo product page: no sign-in or sign-out control found ({summarize(page)})"
        )


class Visit:
    """One visit to the page.

    browser: load(url), sign_in(user) and sign_out() return the resulting page, screenshot(width) a PNG;
    screenshots: PNGs by look.
    """

    def __init__(self, browser, url):
        self.browser, self.url = browser, url
        self.loads, self.seen, self.external_urls, self.screenshots = 0, {}, set(), {}

    def load(self) -> tuple[dict, str]:
        """Load the page and return it with its look."""
        page = self.browser.load(self.url)
        check_page(page, self.url)
        self.external_urls.update(page["external_urls"])
        return page, look_of(page)

    def check_looks(self, reloads: int) -> None:
        """Reload the page until every look was seen, and take a screenshot of each."""
        while self.loads <= reloads and not all(x in self.seen for x in LOOKS):
            page, look = self.load()
            self.loads += 1
            if look in LOOKS and look not in self.seen:
                self.screenshots[look] = self.browser.screenshot(WIDTH)
            row = self.seen.setdefault(look, {"times": 0, "served_by": set()})
            row["times"] += 1
            row["served_by"].update(filter(None, [served_by(page)]))
        missing = [f"{x.title} ({x.version})" for name, x in LOOKS.items() if name not in self.seen]
        if missing:
            times = ", ".join(f"{title_of(x)} {_count(row['times'], 'time')}" for x, row in sorted(self.seen.items()))
            raise PageError(
                f"not seen in {_count(self.loads, 'load')} of {self.url}: {', '.join(missing)}; seen: {times}. "
                "Check the VirtualService and the pods of the missing versions, or increase reloads"
            )

    def sign_in_and_out(self, user: str) -> None:
        """Sign in, check that the page shows the user also after a reload, take screenshots, and sign out."""
        page = self.browser.sign_in(user)
        if not page["sign_out"] or user not in page["text"]:
            raise PageError(f"signed in as {user!r}, but the page does not show the user: {summarize(page)}")
        for _reload in range(SIGNED_IN_RELOADS if SIGNED_IN_LOOK in self.seen else 1):
            page, look = self.load()
            if not page["sign_out"] or user not in page["text"]:
                raise PageError(
                    f"signed in as {user!r}, but the reloaded page does not show the user: {summarize(page)}"
                )
            if look == SIGNED_IN_LOOK:
                break
        self.screenshots["signed_in"] = self.browser.screenshot(WIDTH)
        self.screenshots["narrow"] = self.browser.screenshot(NARROW_WIDTH)
        page = self.browser.sign_out()
        if page["sign_out"] or not page["sign_in"]:
            raise PageError(f"signed out, but the page still shows {user!r}: {summarize(page)}")

    def result(self) -> dict:
        """Return the module's results of the visit."""
        order = [*LOOKS, *sorted(self.seen.keys() - LOOKS.keys())]
        looks = [
            {
                "look": look,
                "title": title_of(look),
                "times": self.seen[look]["times"],
                "served_by": sorted(self.seen[look]["served_by"]),
            }
            for look in order
            if look in self.seen
        ]
        return {"looks": looks, "loads": self.loads, "external_urls": sorted(self.external_urls)}
