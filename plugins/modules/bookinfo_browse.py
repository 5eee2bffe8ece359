#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: bookinfo_browse
short_description: See Bookinfo's product page with a real browser
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Opens Bookinfo's product page with a Chromium without a window, as a user would, and loads it again until its three
    looks were seen. Those are no stars (reviews v1), black stars (v2) and red ones (v3).
  - Then it signs in, sees that the page knows the user and does not forget it, and signs out again.
  - Takes a picture of each look, of the page of a user who is signed in, and of the same on a narrow screen.
  - A look is what the page shows, that is the colour in which filled stars are drawn, whatever gave it. So it is known
    in the pages of all releases, and in stand-ins.
  - Fails where a look was never seen, or where signing in or out did not work, and says what it saw instead.
  - The browser finds the host of O(url) and no other. What the page wants from elsewhere it does not get, and it is
    named in RV(external_urls). No proxy is used.
  - >-
    As root it runs the browser as user C(nobody). If Chromium's sandbox does not work there (a container without user
    namespaces), it opens loopback addresses only, without the sandbox, and fails for all others.
extends_documentation_fragment:
  - meshlab.istio.attributes
attributes:
  check_mode:
    support: partial
    details: >-
      Opens nothing. Reports a change if a screenshot is missing in O(screenshots_dir). Whether one would look different
      is not known.
  diff_mode:
    support: none
    details: Pictures have no text to compare.
  idempotent:
    support: full
    details: >-
      A picture that is the same, byte for byte, is not written again. The page names pods, so with other pods it
      differs.
options:
  url:
    description: Address of the product page, such as V(http://127.0.0.1:30080/productpage).
    type: str
    required: true
  address:
    description:
      - C(host:port) at which to reach the host of O(url), as C(curl --connect-to) takes it.
      - For a gateway that serves a host by its name alone, where no DNS knows the name.
    type: str
  screenshots_dir:
    description: Directory for the screenshots. It is created if it does not exist.
    type: path
    required: true
  user:
    description:
      - Name to sign in with. The product page takes any, with any password.
      - Mind rules of the mesh for one user, such as those of Istio's documentation for C(jason).
    type: str
    default: reader
  reloads:
    description:
      - How often the page is loaded again at most until all looks were seen.
      - Where each comes as often as the others, 60 miss one of them by chance once in ten thousand million runs.
    type: int
    default: 60
  timeout:
    description: How long one step of the browser may take, in seconds.
    type: int
    default: 20
  browser:
    description:
      - The browser, a name in E(PATH) or a path.
      - If not set, C(chromium), C(chromium-browser) or C(google-chrome).
    type: str
  webdriver:
    description:
      - The browser's driver, a name in E(PATH) or a path. It has to be of the same version.
      - If not set, C(chromedriver).
    type: str
requirements:
  - selenium (the Python package)
  - Chromium and its driver, on Debian the packages C(chromium) and C(chromium-driver). Nothing is downloaded.
"""

EXAMPLES = r"""
- name: See Bookinfo through the node port
  meshlab.istio.bookinfo_browse:
    url: http://127.0.0.1:30080/productpage
    screenshots_dir: /tmp/bookinfo

- name: See it at a gateway that serves it by its name alone
  meshlab.istio.bookinfo_browse:
    url: http://bookinfo.example.com/productpage
    address: 127.0.0.1:30080
    screenshots_dir: /tmp/bookinfo
  register: seen

- name: Say which pod drew red stars
  ansible.builtin.debug:
    msg: "{{ (seen.looks | selectattr('look', '==', 'red') | first).served_by | join(', ') }}"
"""

RETURN = r"""
screenshots:
  description: The pictures, those that are there where something failed or in check mode.
  returned: always, once there is a browser
  type: list
  elements: dict
  contains:
    path:
      description: Path of the PNG.
      returned: always
      type: str
      sample: /tmp/bookinfo/productpage-red-stars.png
    title:
      description: What is to be seen, in words.
      returned: always
      type: str
      sample: The product page with red stars (reviews v3)
    look:
      description: What it is of, C(none), C(black), C(red), C(signed_in) or C(narrow).
      returned: always
      type: str
      sample: red
looks:
  description: What the page looked like before anybody signed in.
  returned: when the page was opened
  type: list
  elements: dict
  contains:
    look:
      description: C(none), C(black) or C(red); else what was seen instead, in words.
      returned: always
      type: str
      sample: red
    title:
      description: The same in words.
      returned: always
      type: str
      sample: red stars
    times:
      description: How many loads looked like this.
      returned: always
      type: int
      sample: 2
    served_by:
      description: Pods that the page names as those that served the reviews. Old releases name none.
      returned: always
      type: list
      elements: str
      sample: [reviews-v3-6f5b775685-kkb6x]
loads:
  description: How often the page was loaded until all looks were seen.
  returned: when the page was opened
  type: int
  sample: 5
external_urls:
  description: What the page wanted from other hosts, and did not get.
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
  description: What is wrong.
  returned: failure
  type: str
  sample: >-
    never seen in 61 loads of http://127.0.0.1:30080/productpage: red stars (reviews v3); seen: black stars 30 times,
    no stars 31 times
"""

import os
import tempfile

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.meshlab.istio.plugins.module_utils._browser import browser, product_page
from ansible_collections.meshlab.istio.plugins.module_utils._termination import exit_on_signals


def visit(params, paths):
    """The visit, as far as it went, and what is wrong, a sentence each."""
    problems = []
    width = product_page.WIDTH
    with browser.Chromium(paths, params["url"], params["address"], params["timeout"], width) as chromium:
        done = product_page.Visit(chromium, params["url"])
        for step, argument in ((done.see_looks, params["reloads"]), (done.sign_in_and_out, params["user"])):
            try:
                step(argument)
            except (product_page.PageError, browser.BrowserError) as error:
                problems.append(str(error))
            if not done.loads:
                break
        return done, problems, chromium.version


def keep(module, path, png):
    """Write a picture, unless it is there; whether it was written."""
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
    pictures = {look: product_page.picture(look, screenshots_dir, user) for look in product_page.FILES}
    there = [x for x in pictures.values() if os.path.exists(x["path"])]
    try:
        product_page.check(params)
        if module.check_mode:
            module.exit_json(changed=len(there) < len(pictures), screenshots=there)
        if browser.SELENIUM_ERROR:
            module.fail_json(msg=missing_required_lib("selenium"), exception=browser.SELENIUM_ERROR)
        paths = browser.find(params["browser"], params["webdriver"])
        exit_on_signals()
        done, problems, version = visit(params, paths)
        os.makedirs(screenshots_dir, mode=0o755, exist_ok=True)
        written = [keep(module, pictures[look]["path"], png) for look, png in done.pictures.items()]
    except (product_page.PageError, browser.BrowserError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"cannot write a picture: {error}")
    result = {
        "changed": any(written),
        "screenshots": [row for look, row in pictures.items() if look in done.pictures],
        "browser_version": version,
        **done.result(),
    }
    if problems:
        module.fail_json(msg="; ".join(problems), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
