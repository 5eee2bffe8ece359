#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: bookinfo_browse
short_description: Check the Bookinfo product page with a headless browser
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Opens the Bookinfo product page with headless Chromium and reloads it until each of its three looks has been seen,
    no stars (reviews v1), black stars (v2) and red stars (v3).
  - Then signs in, checks that the page shows the user, also after a reload, and signs out.
  - Takes a screenshot of each look, of the page of a signed-in user, and of that page on a narrow screen.
  - The look is determined by the rendered color of the stars, which works with the pages of all releases and with
    stand-ins.
  - Fails if a look was not seen, or if signing in or out did not work. The message describes what the page showed.
  - The browser resolves only the host of O(url) and uses no proxy. Requests of the page to other hosts fail and are
    listed in RV(external_urls).
  - >-
    As root, runs the browser as the user C(nobody). If Chromium's sandbox does not work, as in a container without user
    namespaces, opens only loopback addresses, without the sandbox.
extends_documentation_fragment:
  - meshlab.istio.attributes
attributes:
  check_mode:
    support: partial
    details: >-
      Opens no page. Reports a change if a screenshot is missing in O(screenshots_dir), but cannot predict whether one
      would be different.
  diff_mode:
    support: none
    details: Screenshots cannot be shown as text.
  idempotent:
    support: full
    details: >-
      An identical screenshot is not written again. The page shows the names of pods, so screenshots change with the
      pods.
options:
  url:
    description: URL of the product page, such as V(http://127.0.0.1:30080/productpage).
    type: str
    required: true
  address:
    description:
      - Address to connect to instead of the host of O(url), as C(host:port), similar to C(curl --connect-to).
      - For a gateway that serves a host name without a DNS record.
    type: str
  screenshots_dir:
    description: Directory for the screenshots. It is created if it does not exist.
    type: path
    required: true
  user:
    description:
      - User name to sign in with. The product page accepts any name and password.
      - A user with routing rules of its own, such as C(jason) in Istio's documentation, may not see all looks.
    type: str
    default: reader
  reloads:
    description:
      - Maximum number of reloads until all looks have been seen.
      - If all looks are equally likely, 60 reloads miss one of them in about one of ten billion runs.
    type: int
    default: 60
  timeout:
    description: Maximum time for each action of the browser, in seconds.
    type: int
    default: 20
  browser:
    description:
      - Browser, as a name in E(PATH) or a path.
      - Defaults to the first of C(chromium), C(chromium-browser), C(google-chrome) and C(google-chrome-stable) that is
        found and is not a snap, whose browser cannot read the temporary profile.
    type: str
  webdriver:
    description:
      - WebDriver of the browser, as a name in E(PATH) or a path. It must have the version of the browser.
      - Defaults to C(chromedriver).
    type: str
requirements:
  - selenium (Python package)
  - Chromium and its WebDriver, on Debian the packages C(chromium) and C(chromium-driver)
"""

EXAMPLES = r"""
- name: Check Bookinfo at the node port
  meshlab.istio.bookinfo_browse:
    url: http://127.0.0.1:30080/productpage
    screenshots_dir: /tmp/bookinfo

- name: Check Bookinfo at a gateway that serves it by its host name
  meshlab.istio.bookinfo_browse:
    url: http://bookinfo.example.com/productpage
    address: 127.0.0.1:30080
    screenshots_dir: /tmp/bookinfo
  register: browsed

- name: Show the pods that served red stars
  ansible.builtin.debug:
    msg: "{{ (browsed.looks | selectattr('look', '==', 'red') | first).served_by | join(', ') }}"
"""

RETURN = r"""
screenshots:
  description: Screenshots that were taken. In check mode, those that exist.
  returned: always, except if the browser cannot be started
  type: list
  elements: dict
  contains:
    path:
      description: Path of the PNG file.
      returned: always
      type: str
      sample: /tmp/bookinfo/productpage-red-stars.png
    title:
      description: Title of the screenshot.
      returned: always
      type: str
      sample: The product page with red stars (reviews v3)
    look:
      description: Look of the page, V(none), V(black), V(red), V(signed_in) or V(narrow).
      returned: always
      type: str
      sample: red
looks:
  description: Looks of the page without a signed-in user.
  returned: when the page was opened
  type: list
  elements: dict
  contains:
    look:
      description: V(none), V(black) or V(red). For any other look, a description of it.
      returned: always
      type: str
      sample: red
    title:
      description: Title of the look.
      returned: always
      type: str
      sample: red stars
    times:
      description: Number of loads with this look.
      returned: always
      type: int
      sample: 2
    served_by:
      description: Pods that served the reviews, as the page shows them. Empty for old releases.
      returned: always
      type: list
      elements: str
      sample: [reviews-v3-6f5b775685-kkb6x]
loads:
  description: Number of times that the page was loaded to see all looks.
  returned: when the page was opened
  type: int
  sample: 5
external_urls:
  description: URLs on other hosts that the page requested without success.
  returned: when the page was opened
  type: list
  elements: str
  sample: []
browser_version:
  description: Version of the browser.
  returned: when the page was opened
  type: str
  sample: 140.0.7339.127
msg:
  description: Problems that were found.
  returned: failure
  type: str
  sample: >-
    not seen in 61 loads of http://127.0.0.1:30080/productpage: red stars (reviews v3); seen: black stars 30 times, no
    stars 31 times. Check the VirtualService and the pods of the missing versions, or increase reloads
"""

import os
import tempfile

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.meshlab.istio.plugins.module_utils._browser import browser, product_page
from ansible_collections.meshlab.istio.plugins.module_utils._termination import exit_on_signals


def visit(params, paths):
    """Return the visit, a message for each problem, and the version of the browser."""
    problems = []
    width = product_page.WIDTH
    with browser.Chromium(paths, params["url"], params["address"], params["timeout"], width) as chromium:
        result = product_page.Visit(chromium, params["url"])
        for step, argument in ((result.check_looks, params["reloads"]), (result.sign_in_and_out, params["user"])):
            try:
                step(argument)
            except (product_page.PageError, browser.BrowserError) as error:
                problems.append(str(error))
            if not result.loads:
                break
        return result, problems, chromium.version


def write_png(module, path, png):
    """Write a screenshot if it differs from the file, and return whether it was written."""
    if os.path.exists(path):
        with open(path, "rb") as file:
            if file.read() == png:
                return False
    handle, scratch = tempfile.mkstemp(dir=module.tmpdir)
    with os.fdopen(handle, "wb") as file:
        file.write(png)
    os.chmod(scratch, 0o644)
    module.atomic_move(scratch, path)
    return True


def main():
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "address": {"type": "str"},
            "screenshots_dir": {"type": "path", "required": True},
            "user": {"type": "str", "default": "reader"},
            "reloads": {"type": "int", "default": 60},
            "timeout": {"type": "int", "default": 20},
            "browser": {"type": "str"},
            "webdriver": {"type": "str"},
        },
        supports_check_mode=True,
    )
    params = module.params
    screenshots_dir, user = params["screenshots_dir"], params["user"]
    screenshots = {look: product_page.screenshot(look, screenshots_dir, user) for look in product_page.FILES}
    existing = [x for x in screenshots.values() if os.path.exists(x["path"])]
    try:
        product_page.check(params)
        if module.check_mode:
            module.exit_json(changed=len(existing) < len(screenshots), screenshots=existing)
        if browser.SELENIUM_ERROR:
            module.fail_json(msg=missing_required_lib("selenium"), exception=browser.SELENIUM_ERROR)
        paths = browser.find(params["browser"], params["webdriver"])
        exit_on_signals()
        done, problems, version = visit(params, paths)
        os.makedirs(screenshots_dir, mode=0o755, exist_ok=True)
        written = [write_png(module, screenshots[look]["path"], png) for look, png in done.screenshots.items()]
    except (product_page.PageError, browser.BrowserError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"cannot write a screenshot: {error}")
    result = {
        "changed": any(written),
        "screenshots": [row for look, row in screenshots.items() if look in done.screenshots],
        "browser_version": version,
        **done.result(),
    }
    if problems:
        module.fail_json(msg="; ".join(problems), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
