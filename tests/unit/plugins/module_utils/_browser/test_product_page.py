# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest
import yaml

from ansible_collections.meshlab.istio.plugins.module_utils._browser import browser, product_page
from ansible_collections.meshlab.istio.plugins.module_utils._browser.product_page import PageError, Visit

URL = "http://127.0.0.1:30080/productpage"
COLORS = {"none": [], "black": [[0, 0, 0]] * 9, "red": [[255, 0, 0]] * 9, "green": [[0, 128, 0]] * 9}
PARAMS = {"url": URL, "address": None, "user": "reader", "reloads": 60, "timeout": 20}


def page(look="none", user="", **changes):
    return {
        "title": "Simple Bookstore App",
        "text": f"{user}\nReviews served by:\n reviews-{look}-12ab\n",
        "reviews": 2,
        "stars": COLORS[look],
        "sign_in": not user,
        "sign_out": bool(user),
        "external_urls": [],
        **changes,
    }


class Browser:
    """A browser that cycles through looks. forgets, deaf and sticky are faults of the page's sign-in."""

    def __init__(self, looks, forgets=False, deaf=False, sticky=False):
        self.looks = itertools.cycle(looks)
        self.forgets, self.deaf, self.sticky = forgets, deaf, sticky
        self.user, self.widths, self.page = "", [], None

    def show(self):
        self.page = page(next(self.looks), self.user)
        return self.page

    def load(self, _url):
        if self.forgets:
            self.user = ""
        return self.show()

    def sign_in(self, user):
        self.user = "" if self.deaf else user
        return self.show()

    def sign_out(self):
        self.user = self.user if self.sticky else ""
        return self.show()

    def screenshot(self, width):
        self.widths.append(width)
        return f"{product_page.look_of(self.page)} {self.user} {width}".encode()


# ---- looks ----


@pytest.mark.parametrize(
    ("color", "name"),
    [
        ((255, 0, 0), "red"),  # color="red"
        ((239, 68, 68), "red"),  # red of a style sheet
        ((185, 28, 28), "red"),
        ((0, 0, 0), "black"),
        ((51, 51, 51), "black"),  # text that is nearly black
        ((17, 24, 39), "black"),
        ((0, 128, 0), "rgb(0, 128, 0)"),
        ((255, 165, 0), "rgb(255, 165, 0)"),  # orange is not red
        ((255, 255, 255), "rgb(255, 255, 255)"),
        ((255, 192, 203), "rgb(255, 192, 203)"),
    ],
)
def test_color_name(color, name):
    assert product_page.color_name(*color) == name


@pytest.mark.parametrize("look", ["none", "black", "red"])
def test_three_looks(look):
    assert product_page.look_of(page(look)) == look


@pytest.mark.parametrize(
    ("content", "look"),
    [
        (page("green"), "rgb(0, 128, 0) stars"),
        (page(stars=[[255, 0, 0], [0, 0, 0]]), "stars of several colors: black, red"),
        (
            page(text="Good.\nRatings service is currently unavailable\nReviewer1"),
            "reviews without ratings (Ratings service is currently unavailable)",
        ),
        (
            page(reviews=0, text="Error fetching product reviews!\n\nSorry, they are away.\nMore"),
            "no reviews (Error fetching product reviews! Sorry, they are away.)",
        ),
        (page(reviews=0, text=""), "no reviews"),
        # Missing details do not affect the stars.
        (page(text="Sorry, product details are currently unavailable for this book."), "none"),
    ],
)
def test_other_looks_are_described(content, look):
    assert product_page.look_of(content) == look


def test_served_by():
    assert product_page.served_by(page("red")) == "reviews-red-12ab"
    assert product_page.served_by(page(text="Reviewer1")) is None


# ---- a visit ----


def test_one_screenshot_of_every_look():
    visit = Visit(Browser(["none", "none", "red", "black"]), URL)
    visit.check_looks(60)
    assert visit.screenshots == {"none": b"none  1280", "red": b"red  1280", "black": b"black  1280"}
    assert visit.result() == {
        "looks": [
            {"look": "none", "title": "no stars", "times": 2, "served_by": ["reviews-none-12ab"]},
            {"look": "black", "title": "black stars", "times": 1, "served_by": ["reviews-black-12ab"]},
            {"look": "red", "title": "red stars", "times": 1, "served_by": ["reviews-red-12ab"]},
        ],
        "loads": 4,
        "external_urls": [],
    }


def test_missing_look_is_named_with_its_version():
    visit = Visit(Browser(["none", "green", "black"]), URL)
    with pytest.raises(PageError) as error:
        visit.check_looks(5)
    assert str(error.value).startswith(
        f"not seen in 6 loads of {URL}: red stars (reviews v3); "
        "seen: black stars 2 times, no stars 2 times, rgb(0, 128, 0) stars 2 times. "
    )
    assert [x["look"] for x in visit.result()["looks"]] == ["none", "black", "rgb(0, 128, 0) stars"]
    assert list(visit.screenshots) == ["none", "black"]


@pytest.mark.parametrize(("reloads", "loads"), [(0, 1), (1, 2), (2, 3), (60, 3)])
def test_maximum_number_of_reloads(reloads, loads):
    visit = Visit(Browser(["none", "black", "red"]), URL)
    if loads < 3:
        with pytest.raises(
            PageError, match=f"in {loads} loads? of .*: {'black stars .reviews v2., ' * (loads < 2)}red"
        ):
            visit.check_looks(reloads)
    else:
        visit.check_looks(reloads)
    assert visit.loads == loads


def test_default_reloads_miss_no_look_by_chance():
    dice = random.Random(1)
    for _visit in range(2000):
        Visit(Browser(dice.choices(["none", "black", "red"], k=61)), URL).check_looks(60)


def test_other_page_fails_immediately():
    browser = Browser(["none"])
    browser.load = lambda _url: page(sign_in=False, title="127.0.0.1", text="HTTP ERROR 404 " * 30)
    with pytest.raises(
        PageError, match=r"is not the Bookinfo product page: .*title '127.0.0.1', text 'HTTP.*\.\.\.'\)$"
    ):
        Visit(browser, URL).check_looks(60)


def test_sign_in_and_out():
    browser = Browser(["black", "none", "red"])
    visit = Visit(browser, URL)
    visit.check_looks(60)
    visit.sign_in_and_out("reader")
    # Always the red look, so that the screenshots are reproducible.
    assert visit.screenshots["signed_in"] == b"red reader 1280"
    assert visit.screenshots["narrow"] == b"red reader 390"
    assert browser.user == ""


def test_screenshots_without_the_red_look():
    visit = Visit(Browser(["none"]), URL)
    with pytest.raises(PageError):
        visit.check_looks(3)
    visit.sign_in_and_out("reader")
    assert visit.screenshots["signed_in"] == b"none reader 1280"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"deaf": True}, "signed in as 'reader', but the page does not show the user: "),
        ({"forgets": True}, "signed in as 'reader', but the reloaded page does not show the user: "),
        ({"sticky": True}, "signed out, but the page still shows 'reader': "),
    ],
)
def test_faults_of_the_sign_in(fault, message):
    visit = Visit(Browser(["none", "black", "red"], **fault), URL)
    with pytest.raises(PageError, match=message):
        visit.sign_in_and_out("reader")


def test_external_urls_are_listed_once():
    browser = Browser(["none", "black", "red"])
    show = browser.show
    browser.load = lambda _url: {**show(), "external_urls": ["http://cdn.example.com/x.js"]}
    visit = Visit(browser, URL)
    visit.check_looks(60)
    assert visit.result()["external_urls"] == ["http://cdn.example.com/x.js"]


# ---- options and screenshots ----


@pytest.mark.parametrize(
    "params",
    [{}, {"url": "https://b.example.com"}, {"address": "127.0.0.1:80"}, {"address": "[::1]:80"}, {"reloads": 0}],
)
def test_valid_options(params):
    product_page.check({**PARAMS, **params})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"url": "127.0.0.1:30080/productpage"}, "url must be an HTTP URL such as"),
        ({"url": "http:///productpage"}, "url must be an HTTP URL such as"),
        ({"url": "http://127.0.0.1:99999/"}, "url must be an HTTP URL such as"),
        ({"url": "ftp://127.0.0.1/"}, "url must be an HTTP URL such as"),
        ({"address": "127.0.0.1"}, "address must be host:port such as"),
        ({"address": "a,MAP * b:1"}, "address must be host:port such as"),
        ({"address": "a:0"}, "address must be host:port such as"),
        ({"user": ""}, "user must have 1 to 64 characters"),
        ({"user": "a b"}, "user must have 1 to 64 characters"),
        ({"user": "a" * 65}, "user must have 1 to 64 characters"),
        ({"reloads": -1}, "reloads must be at least 0, got -1"),
        ({"timeout": 0}, "timeout must be between 1 and 86400, got 0"),
    ],
)
def test_invalid_options(params, message):
    with pytest.raises(PageError, match=message):
        product_page.check({**PARAMS, **params})


def test_screenshots_have_a_path_and_a_title():
    assert product_page.screenshot("red", "/f", "me") == {
        "path": "/f/productpage-red-stars.png",
        "title": "The product page with red stars (reviews v3)",
        "look": "red",
    }
    assert product_page.screenshot("narrow", "/f", "me")["title"] == "Signed in as me, on a narrow screen"
    assert len(set(product_page.FILES.values())) == 5


def test_role_has_the_same_files_and_packages():
    variables = Path(__file__).resolve().parents[5] / "roles" / "bookinfo" / "vars" / "main.yml"
    role = yaml.safe_load(variables.read_text(encoding="utf-8"))
    assert role["__bookinfo_screenshots_files"] == list(product_page.FILES.values())
    assert role["__bookinfo_browser_packages"] == list(browser.PACKAGES)
