# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Chromium without a window, which reads Bookinfo's product page as a user would see it, and talks to nobody else."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.meshlab.istio.plugins.module_utils._browser import sandbox
from ansible_collections.meshlab.istio.plugins.module_utils._browser.errors import BrowserError

try:
    from selenium.common.exceptions import TimeoutException, WebDriverException
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.wait import WebDriverWait
except ImportError:
    SELENIUM_ERROR: str | None = traceback.format_exc()
else:
    SELENIUM_ERROR = None

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DRIVERS = ("chromedriver",)
PACKAGES = ("chromium", "chromium-driver", "fonts-dejavu-core")  # on Debian; neither says that it needs a font
HEIGHT, TALLEST = 800, 4000  # pixels

# Beside those that the driver gives it: what would go out by itself, and what makes two pictures of one page differ.
FLAGS = (
    "--headless=new",
    "--no-proxy-server",
    "--no-pings",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-breakpad",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-features=OptimizationHints,MediaRouter,Translate,DialMediaRouteProvider,CertificateTransparencyComponentUpdater",
    "--force-device-scale-factor=1",
    "--font-render-hinting=none",
    "--hide-scrollbars",
    "--lang=en",
)

# Runs in the page once it is drawn, its fonts are there and its scripts rest. A row of stars has five children, glyphs
# or drawings. A filled one has a colour, whatever gave it (attribute, class, style), which a canvas puts in numbers.
READ = r"""
const done = arguments[arguments.length - 1];
const pen = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
const known = {};
const rgb = (colour) => {
  if (!(colour in known)) {
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    known[colour] = [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
  }
  return known[colour];
};
const visible = (e) => e !== null && e.getClientRects().length > 0;
const drawn = (e) => e instanceof SVGSVGElement;
const name = (e) => e.getAttribute("class") || "";
const isStar = (e) => drawn(e) || /\bglyphicon-star\b/.test(name(e)) || /^\s*[\u2605\u2606]\s*$/.test(e.textContent);
const isFilled = (e) => drawn(e) ? getComputedStyle(e).fill !== "none"
  : !(/\bglyphicon-star-empty\b/.test(name(e)) || e.textContent.trim() === "\u2606");
const read = () => {
  const rows = [...document.querySelectorAll("body *")].filter(
    (e) => e.children.length === 5 && visible(e) && [...e.children].every(isStar));
  const filled = rows.flatMap((row) => [...row.children].filter(isFilled));
  const leave = document.querySelector("a[href$=logout]");
  const wanted = performance.getEntriesByType("resource").map((x) => x.name);
  return {
    title: document.title,
    text: document.body ? document.body.innerText : "",
    reviews: document.querySelectorAll("blockquote").length,
    stars: filled.map((e) => rgb(getComputedStyle(e)[drawn(e) ? "fill" : "color"])),
    sign_in: document.querySelector("input[name=username]") !== null && !visible(leave),
    sign_out: visible(leave),
    external_urls: wanted.filter((x) => new URL(x).host !== location.host),
  };
};
const idle = () => requestIdleCallback(() => done(read()), {timeout: 5000});
document.fonts.ready.then(() => requestAnimationFrame(() => requestAnimationFrame(idle)));
"""


def find(browser: str | None = None, driver: str | None = None) -> list[str]:
    """Paths of the browser and of its driver. Raises BrowserError that says how to get what is missing."""
    found, missing = [], []
    for what, named, names in (("browser", browser, BROWSERS), ("driver", driver, DRIVERS)):
        path = next(filter(None, map(shutil.which, [named] if named else names)), None)
        if path:
            found.append(path)
        else:
            missing.append(f"no {what} ({named if named else ' or '.join(names) + ' in PATH'})")
    if missing:
        raise BrowserError(
            f"there is {' and '.join(missing)}. On Debian: apt-get install {' '.join(PACKAGES)}. "
            "The role meshlab.istio.bookinfo does so where bookinfo_install_browser is true."
        )
    return found


def host_rules(url: str, address: str | None = None) -> str:
    """Chromium's rules by which it finds the URL's host, at an address if one is given, and no other host at all."""
    host = urlsplit(url).hostname
    if address:
        return f"MAP {host} {address},MAP * ~NOTFOUND"
    return f"MAP * ~NOTFOUND,EXCLUDE {host}"


def quiet(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without proxies, and without what would make selenium look for, or fetch, another browser."""
    kept = {k: v for k, v in environment.items() if not k.lower().endswith("_proxy") and not k.startswith("SE_")}
    return {**kept, "SE_OFFLINE": "true", "SE_AVOID_STATS": "true"}


def at_home(environment: Mapping[str, str], home: str) -> dict[str, str]:
    """An environment in which a browser writes nothing outside of home."""
    return {**{k: v for k, v in environment.items() if not k.startswith("XDG_")}, "HOME": home, "TMPDIR": home}


def brief(error: BaseException) -> str:
    """The first line of a driver's message, which goes on with its own stack."""
    lines = [x.strip() for x in str(getattr(error, "msg", None) or error).splitlines() if x.strip()]
    return lines[0] if lines else type(error).__name__


def end_all(folder: str, proc: str = "/proc") -> None:
    """End the processes that name a folder in their command line: a browser whose driver could not do it."""
    for entry in Path(proc).glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(folder).encode() in (entry / "cmdline").read_bytes() and int(entry.name) != os.getpid():
                os.kill(int(entry.name), signal.SIGKILL)


class Chromium:
    """A browser for one visit; a context manager that leaves nothing running and no file behind."""

    def __init__(
        self, paths: list[str], url: str, address: str | None = None, timeout: float = 20, width: int = 1280
    ) -> None:
        self.paths, self.timeout, self.width = paths, timeout, width
        self.url, self.address = url, address
        self.user = None
        self.driver: Any = None
        self.folder = ""

    def __enter__(self):
        self.user = sandbox.browser_user()
        self.folder = sandbox.make_profile_dir(self.user)
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self):
        browser, driver = self.paths
        # Of this process too: it asks the driver over loopback.
        environment = quiet(os.environ)
        os.environ.clear()
        os.environ.update(environment)
        options = ChromeOptions()
        options.binary_location = browser
        rules = host_rules(self.url, self.address)
        flags = [*FLAGS, f"--user-data-dir={self.folder}/profile", f"--host-resolver-rules={rules}"]
        for flag in flags + sandbox.sandbox_flags(self.user, self.url, self.address):
            options.add_argument(flag)
        with self._failing("the browser does not start"):
            popen_kw = {"cwd": self.folder, **sandbox.popen_options(self.user)}
            service = Service(driver, env=at_home(environment, self.folder), popen_kw=popen_kw)
            self.driver = Chrome(options=options, service=service)
            self._size(self.width, HEIGHT)
            # Not before: on a busy machine to start takes longer than any step.
            self.driver.set_page_load_timeout(self.timeout)
            self.driver.set_script_timeout(self.timeout)

    def __exit__(self, *_error):
        if self.driver:
            self.driver.quit()
        end_all(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def _failing(self, what):
        try:
            yield
        except TimeoutException as error:
            raise BrowserError(f"{what} within {self.timeout} s: {brief(error)}") from error
        except WebDriverException as error:
            raise BrowserError(f"{what}: {brief(error)}") from error

    @property
    def version(self) -> str:
        return self.driver.capabilities["browserVersion"]

    def load(self, url: str) -> dict:
        with self._failing(f"{url} does not load"):
            self.driver.get(url)
            return self._read()

    def _read(self):
        return self.driver.execute_async_script(READ)

    def sign_in(self, user: str) -> dict:
        """Fill in the form, which may have to be opened first, and send it."""
        with self._failing("the form to sign in cannot be used"):
            field = self.driver.find_element(By.NAME, "username")
            if not field.is_displayed():
                opener = "//button[translate(normalize-space(), 'SIN', 'sin')='sign in']"
                openers = [x for x in self.driver.find_elements(By.XPATH, opener) if x.is_displayed()]
                if not openers:
                    raise WebDriverException("it is hidden, and no button says Sign in")
                openers[0].click()
                self._until(field.is_displayed, "the form does not open")
            field.send_keys(user)
            self.driver.find_element(By.NAME, "passwd").send_keys("any")
            form = field.find_element(By.XPATH, "ancestor::form")
            form.find_element(By.CSS_SELECTOR, "button:not([type]), button[type=submit], input[type=submit]").click()
            self._until(lambda: self._read()["sign_out"], "nobody is signed in, for the page offers nobody to sign out")
            return self._read()

    def sign_out(self) -> dict:
        with self._failing("the link to sign out cannot be used"):
            self.driver.find_element(By.CSS_SELECTOR, "a[href$=logout]").click()
            self._until(lambda: self._read()["sign_in"], "the page offers nobody to sign in")
            return self._read()

    def _until(self, condition, otherwise):
        # A script that runs while the page goes away fails, and is asked again of the next page.
        waiting = WebDriverWait(self.driver, self.timeout, poll_frequency=0.2, ignored_exceptions=[WebDriverException])
        waiting.until(lambda _driver: condition(), otherwise)

    def _size(self, width, height):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def screenshot(self, width: int) -> bytes:
        """The whole page as a PNG, as wide as is asked for."""
        with self._failing("no picture can be taken"):
            self._size(width, HEIGHT)
            self._read()  # drawn anew, and at rest
            height = self.driver.execute_script("return document.documentElement.scrollHeight")
            self._size(width, min(max(height, HEIGHT), TALLEST))
            self._read()
            png = base64.b64decode(self.driver.get_screenshot_as_base64())
            self._size(self.width, HEIGHT)
            return png
