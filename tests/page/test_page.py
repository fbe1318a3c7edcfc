# Copyright (c) 2026, The pullthrough.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of the audit in a real browser: small and large fleets, narrow and wide windows, light and dark.

Also on paper and by keyboard. The screenshots in build/page are for people to look at.
"""

from __future__ import annotations

import base64
import http.server
import json
import os
import re
import shutil
import subprocess
import threading
import time

import pytest
import yaml

from axe_core_python.base import AXE_SCRIPT
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import fleet

from ansible_collections.pullthrough.docker.plugins.filter import audit_report

SIZES, WIDTHS, SCHEMES = [3, 200, 2000], [400, 1400], ["light", "dark"]
RANKS = [*audit_report.KINDS, "ok"]
FOLDER = fleet.ROOT / "build/page"

# These scripts use no names of classes, so the looks of the page can change.
SHOWN_ROWS = """
  return [...document.querySelectorAll("tbody tr")].filter(row => row.getClientRects().length)
    .map(row => row.querySelector("th").textContent);
"""
FAINT = """
  return axe.run({runOnly: ["color-contrast"]}).then(({passes, violations, incomplete}) => {
    const nodes = rules => rules.flatMap(rule => rule.nodes);
    const faint = nodes(violations).map(node => `${node.html}: ${node.any.map(check => check.message).join(" ")}`);
    // axe leaves open what something overlaps, such as a label with its input. It checks neither the text of
    // pseudo-elements nor what is drawn. Its own functions compare these colours.
    const {Color, flattenColors, getContrast, getOwnBackgroundColor} = axe.commons.color;
    const back = element => element
      ? flattenColors(getOwnBackgroundColor(getComputedStyle(element)), back(element.parentElement))
      : new Color(255, 255, 255, 1);
    const check = (what, text, behind, least) => {
      const front = new Color();
      front.parseString(text);
      const ratio = getContrast(back(behind), front);
      if (!(ratio >= least)) faint.push(`${what}: ${ratio}`);
    };
    for (const node of nodes(incomplete)) {
      const element = document.querySelector(node.target);
      check(node.html, getComputedStyle(element).color, element, 4.5);
    }
    for (const element of document.body.querySelectorAll("*")) {
      if (!element.getClientRects().length || getComputedStyle(element).visibility !== "visible") continue;
      for (const pseudo of ["::before", "::after"]) {
        const style = getComputedStyle(element, pseudo);
        if (!["none", "normal", '""'].includes(style.content)) check(style.content, style.color, element, 4.5);
      }
      if (!element.textContent.trim() && !element.children.length && element.tagName !== "BR"
          && element.closest("[role=img], li")) {
        const behind = element.closest("[role=img]") ?? element.parentElement;
        check(`drawn: ${element.outerHTML}`, getComputedStyle(element).backgroundColor, behind, 3);
      }
    }
    return [nodes(passes).length, faint];
  });
"""


OVERFLOWING = """
  return [...document.body.querySelectorAll("*")]
    .filter(element => element.clientWidth && element.scrollWidth > element.clientWidth + 1)
    .filter(element => !["INPUT", "SELECT"].includes(element.tagName))
    .slice(0, 5).map(element => element.outerHTML.slice(0, 200));
"""


class Browser:
    def __init__(self, profile):
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or "chromium"
        for argument in (
            "--headless=new",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--disable-background-networking",
            f"--user-data-dir={profile}",
        ):
            options.add_argument(argument)
        if os.geteuid() == 0:
            # As root, Chromium does not start with its sandbox. It opens only our own page.
            options.add_argument("--no-sandbox")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        # If the driver is named and missing, that is an error. Without a name, selenium would download one.
        self.driver = webdriver.Chrome(
            options=options, service=webdriver.ChromeService(shutil.which("chromedriver") or "chromedriver")
        )
        # On a busy machine, axe can take longer than the 30 seconds that a script has by default.
        self.driver.set_script_timeout(300)
        self.cdp, self.run = self.driver.execute_cdp_cmd, self.driver.execute_script

    def resize(self, width, height):
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    def look(self, width, scheme="light", media="screen"):
        self.resize(width, 900)
        self.cdp(
            "Emulation.setEmulatedMedia",
            {"media": media, "features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )

    def open(self, path, width=1400, scheme="light"):
        self.look(width, scheme)
        self.driver.get(path.as_uri())

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def find_all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def press(self, *keys):
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def rows(self):
        return self.run(SHOWN_ROWS)

    def faint(self):
        """Return how many texts have enough contrast, and which texts and drawings have not."""
        self.run(AXE_SCRIPT)
        return self.run(FAINT)

    def type(self, words):
        field = self.find("input[type=search]")
        field.send_keys(Keys.CONTROL, "a", Keys.NULL, words or Keys.DELETE)

    def choose(self, state):
        self.find(f'select option[value="{state}"]').click()

    def screenshot(self, name):
        self.run("scrollTo(0, 0)")
        # The window is made taller, because capturing much beyond the window takes long.
        self.resize(self.run("return innerWidth"), min(self.run("return document.documentElement.scrollHeight"), 2500))
        image = self.cdp("Page.captureScreenshot", {})
        (FOLDER / f"{name}.png").write_bytes(base64.b64decode(image["data"]))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    FOLDER.mkdir(parents=True, exist_ok=True)
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.driver.quit()


@pytest.fixture(scope="module")
def reports():
    return {size: fleet.report(size) for size in SIZES}


@pytest.fixture(scope="module")
def pages(reports, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    for size, page in fleet.pages({str(size): report for size, report in reports.items()}).items():
        (folder / f"{size}.html").write_text(page, encoding="utf-8")
    return {size: folder / f"{size}.html" for size in SIZES}


@pytest.mark.parametrize("size", SIZES)
def test_it_fits_each_window(browser, pages, size):
    browser.open(pages[size])
    assert len(browser.rows()) == size
    for width in WIDTHS:
        for scheme in SCHEMES:
            browser.look(width, scheme)
            needed, given = browser.run(
                "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
            )
            assert needed <= given <= width, f"{scheme}, {width} px"
            # For 2,000 hosts, checking every element takes the browser half a minute.
            assert size == 2000 or browser.run(OVERFLOWING) == [], "nothing runs into what is beside it"
            browser.screenshot(f"{size}-{width}-{scheme}")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_all_text_can_be_read(browser, pages, width, scheme):
    browser.open(pages[200], width, scheme)
    browser.run("document.querySelectorAll('details').forEach(details => { details.open = true; })")
    dark = browser.run(
        "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every(part => part < 128)"
    )
    assert dark == (scheme == "dark")
    checked, faint = browser.faint()
    assert checked > 1000 and faint == []


@pytest.mark.parametrize(
    "style",
    [
        "h1 { color: #ccc !important; background: #fff !important }",
        "h1 { color: #000; background: #fff !important } h1::after { content: 'more'; color: #ccc !important }",
        "[role=img], [role=img] * { background: #fff !important }",
    ],
    ids=["text", "pseudo-element", "drawing"],
)
def test_faint_text_and_drawings_are_found(browser, pages, style):
    """The page's policy allows no style element, but it allows this."""
    browser.open(pages[3])
    assert browser.faint()[1] == []
    browser.run("const s = new CSSStyleSheet(); s.replaceSync(arguments[0]); document.adoptedStyleSheets = [s]", style)
    assert browser.faint()[1] != []


def test_it_asks_no_network_and_complains_of_nothing(browser, pages):
    browser.driver.get_log("browser"), browser.driver.get_log("performance")
    browser.open(pages[200])
    browser.type("db")
    browser.find("thead button").click()
    assert browser.driver.get_log("browser") == []
    assert requested(browser) == {pages[200].as_uri()}


def requested(browser):
    """Return the URLs that the browser has requested since the last call."""
    events = [json.loads(entry["message"])["message"] for entry in browser.driver.get_log("performance")]
    return {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}


# -- hostile text ----------------------------------------------------------------------------------------------------

ACTIVE = """
  return [...document.querySelectorAll("*")].filter(element =>
    ["IMG", "SVG", "IFRAME", "OBJECT", "EMBED", "LINK", "BASE", "A"].includes(element.tagName.toUpperCase())
    || [...element.attributes].some(attribute => /^on|^src|^href|^action|^style$|^formaction/.test(attribute.name))
  ).map(element => element.outerHTML);
"""
"""Finds elements that run or load something. The report has none."""


def open_hostile(browser, path):
    """Open a page, touch its elements, and check that nothing active ran, was loaded or exists."""
    browser.driver.get_log("browser"), browser.driver.get_log("performance")
    browser.open(path)
    assert browser.run("return window.ran === undefined")
    browser.run("document.querySelectorAll('details').forEach(details => { details.open = true; })")
    for element in browser.find_all("tbody tr > *, .mirror > *"):
        webdriver.ActionChains(browser.driver).move_to_element(element).perform()
    assert browser.run("return window.ran === undefined")
    assert len(browser.find_all("script")) == len(browser.find_all("style")) == 1
    assert browser.run(ACTIVE) == []
    assert requested(browser) == {path.as_uri()}
    assert browser.driver.get_log("browser") == [], "not even the policy had something to refuse"


def test_hostile_host_names_stay_text(browser, pages):
    open_hostile(browser, pages[3])
    assert fleet.HOSTILE in browser.rows()


def test_hostile_results_stay_text(browser, tmp_path):
    """The whole playbook runs on hosts whose modules return hostile text in every text and every key."""
    (tmp_path / "fleet").mkdir()
    report, page, printed = fleet.audit(tmp_path / "fleet", fleet.hostile_hosts())
    assert {host["name"]: host["state"] for host in report["hosts"]} == {
        "facts": "ok",
        "good": "ok",
        "texts": "conflict",
        "everything": "failed",
        "keys": "failed",
        "failed": "failed",
        "shapes": "failed",
        "no-json": "failed",
    }
    assert report["summary"]["covered"] == 2 and "2 of 8 hosts use a wanted mirror" in printed
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    open_hostile(browser, path)
    assert sorted(browser.rows()) == sorted(host["name"] for host in report["hosts"])
    text = browser.find("body").text
    assert text.count(fleet.HOSTILE) > 10 and "49" not in text, "nothing was evaluated as a template either"


def test_the_oldest_ansible_core_renders_the_same_page():
    """Versions of Ansible differ in what their templates escape."""
    info, health, _variables = fleet.hostile_hosts()["texts"]
    results = {fleet.HOSTILE: {"audit_info": info, "audit_health": health}}
    report = audit_report.audit_report(results, wanted=[fleet.GCR], written_at=fleet.HOSTILE)
    newest, oldest = (fleet.page(report, programs) for programs in (fleet.NEWEST, fleet.OLDEST))
    assert newest == oldest and fleet.HOSTILE not in oldest and "window.ran = 1&lt;" in oldest
    required = yaml.safe_load((fleet.ROOT / "meta/runtime.yml").read_text())["requires_ansible"].removeprefix(">=")
    run = subprocess.run([fleet.OLDEST / "ansible", "--version"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith(f"ansible [core {required}]")


INJECTED = """
<script>window.ran = "a script"</script>
<img src="SERVER/missing.png" onerror="window.ran = 'a handler'">
<iframe srcdoc="<script>parent.ran = 'a frame'</script>"></iframe>
<link rel="stylesheet" href="SERVER/injected.css">
<style>h1 { display: none }</style>
<p id="injected" style="position: fixed">x</p>
<script src="SERVER/injected.js"></script>
"""


@pytest.fixture
def attacker():
    """Run a web server, and yield its address and the list of requested paths."""
    paths = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_arguments):
            """Log nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("where", ["<title>", "<main>", "</body>"])
def test_the_policy_refuses_what_is_injected(browser, pages, tmp_path, attacker, where):
    """The injection stands for a text that was not escaped. It works in a page without the policy."""
    server, asked = attacker
    text = pages[3].read_text(encoding="utf-8")
    assert text.count(where) == 1
    injected = text.replace(where, INJECTED.replace("SERVER", server) + where)
    without, number = re.subn("<meta http-equiv=[^>]*>", "", injected)
    assert number == 1
    for name, content in {"with": injected, "without": without}.items():
        (tmp_path / f"{name}.html").write_text(content, encoding="utf-8")
    state = """
      const style = selector => getComputedStyle(document.querySelector(selector));
      return [window.ran, style("h1").display, style("#injected").position];
    """
    browser.open(tmp_path / "without.html")
    ran, shown, position = browser.run(state)
    assert ran and (shown, position) == ("none", "fixed")
    assert set(asked) == {"/missing.png", "/injected.css", "/injected.js"}
    asked.clear()
    browser.driver.get_log("browser")
    browser.open(tmp_path / "with.html")
    assert browser.run(state) == [None, "block", "static"]
    assert asked == []
    refused = [entry["message"] for entry in browser.driver.get_log("browser")]
    for kind in ("inline script", "inline event handler", "inline style", "injected.js", "injected.css", "missing.png"):
        assert any("Content Security Policy" in message and kind in message for message in refused), refused
    assert len(browser.rows()) == 3, "the page's own script runs"


def test_it_says_first_how_many_are_covered_and_what_is_wrong(browser, pages, reports):
    """It is at the top of the window without scrolling, also on a telephone."""
    report = reports[200]
    for width in WIDTHS:
        browser.open(pages[200], width)
        summary = report["summary"]
        assert f"{summary['covered']} of 200 hosts" in browser.find("h1").text
        lead = browser.find("header p").text
        uncovered = 200 - summary["covered"] - summary["unknown"]
        assert lead.startswith(f"{uncovered} are not. {summary['unknown']} are unknown. ")
        assert summary["will_not_start"] > 1 and f" {summary['will_not_start']} run and will not start again. " in lead
        assert browser.find("[aria-labelledby=coverage] [role=img]").rect["y"] < 400
        entries = browser.run(
            "return [...document.querySelectorAll('li')]"
            ".map(entry => [entry.innerText, entry.getBoundingClientRect().bottom])"
        )
        expected = []
        for state in ["ok", *report["kinds"]]:
            number, found = (report["summary"][by].get(state, 0) for by in ("states", "findings"))
            expected.append([f"{number} {'ok' if state == 'ok' else report['kinds'][state]['title']}"])
            have = "has" if found - number == 1 else "have"
            expected[-1] += [f"and {found - number} that also {have} a worse problem"] if found > number else []
        assert any(len(lines) == 2 for lines in expected)
        assert [
            [line.strip() for line in text.split("\n")][: len(lines)]
            for (text, _bottom), lines in zip(entries, expected, strict=True)
        ] == expected
        assert max(bottom for _text, bottom in entries) < 900
    states = {host["name"]: RANKS.index(host["state"]) for host in report["hosts"]}
    order = [states[name] for name in browser.rows()]
    assert order == sorted(order), "the worst come first"


# -- charts ----------------------------------------------------------------------------------------------------------


def test_the_chart_of_coverage(browser, pages, reports):
    summary = reports[200]["summary"]
    browser.open(pages[200])
    chart = browser.find("[aria-labelledby=coverage] [role=img]")
    widths = [part.rect["width"] for part in chart.find_elements(By.CSS_SELECTOR, "*")]
    assert len(widths) == len(summary["states"])
    for width, number in zip(widths, summary["states"].values()):
        assert width == pytest.approx(chart.rect["width"] * number / 200, abs=6)
    assert all(f"{number} " in chart.accessible_name for number in summary["states"].values())


def test_the_chart_of_latency(browser, pages, reports):
    for width in WIDTHS:
        browser.open(pages[200], width)
        charts = browser.find_all("[aria-labelledby=mirrors] [role=img]")
        assert len(charts) == len(reports[200]["mirrors"]) == 3
        most = max(mirror["latency_ms"]["most"] for mirror in reports[200]["mirrors"])
        for chart, mirror in zip(charts, reports[200]["mirrors"]):
            spread, (left, full) = mirror["latency_ms"], (chart.rect["x"], chart.rect["width"])
            span, median = (mark.rect for mark in chart.find_elements(By.CSS_SELECTOR, "*"))
            assert span["x"] - left == pytest.approx(full * spread["least"] / most, abs=full / 50)
            assert span["x"] + span["width"] - left == pytest.approx(full * spread["most"] / most, abs=full / 50 + 6)
            assert median["x"] - left == pytest.approx(full * spread["median"] / most, abs=full / 50)
            assert f"median {spread['median']} ms" in chart.accessible_name


# -- sorting and filtering -------------------------------------------------------------------------------------------


def plain_name(host):
    """Return the key of a natural order, or None for a name that is not a word with a number."""
    found = re.fullmatch(r"([a-z]+)-(\d+)", host["name"])
    return found and (found[1], int(found[2]))


def fastest(host):
    return min((mirror["latency_ms"] for mirror in host["health"] if mirror["usable"]), default=None)


def version(host):
    return list(map(int, re.findall(r"\d+", host["engine"]["version"] or ""))) or None


KEYS = {
    "Host": plain_name,
    "State": lambda host: RANKS.index(host["state"]),
    "In force": lambda host: " ".join(host["in_force"] or []) or None,
    "Engine": version,
    "Latency": fastest,
    "Changed (UTC)": lambda host: host["last_change"],
}


def says_order(browser):
    """Return the order that each column shows, and the one that it tells a screen reader."""
    columns = browser.run("""
      return [...document.querySelectorAll("thead th")].map(head => [
        head.textContent.trim(),
        head.getAttribute("aria-sort"),
        getComputedStyle(head.firstElementChild, "::after").content,
      ]);
    """)
    return {
        name: ("ascending" if "↑" in arrow else "descending" if "↓" in arrow else None, spoken)
        for name, spoken, arrow in columns
    }


@pytest.mark.parametrize("width", WIDTHS)
def test_sorting(browser, pages, reports, width):
    hosts = {host["name"]: host for host in reports[200]["hosts"]}
    browser.open(pages[200], width)
    buttons = browser.find_all("thead button")
    assert [button.text for button in buttons] == list(KEYS)
    assert says_order(browser) == {
        name: ("ascending", "ascending") if name == "State" else (None, None) for name in KEYS
    }
    for button, (column, key) in zip(buttons, KEYS.items()):
        for order in ("ascending", "descending"):
            button.click()
            assert says_order(browser) == {name: (order, order) if name == column else (None, None) for name in KEYS}
            rows = browser.rows()
            assert sorted(rows) == sorted(hosts)
            keys = [key(hosts[name]) for name in rows if column != "Host" or plain_name(hosts[name])]
            known = [value for value in keys if value is not None]
            assert len(set(map(str, known))) > 3
            assert known == sorted(known, reverse=order == "descending"), f"{column}, {order}"
            assert keys[len(known) :] == [None] * (len(keys) - len(known)), "unknown values come last in both orders"


def test_filtering_by_text(browser, pages, reports):
    hosts = reports[200]["hosts"]
    browser.open(pages[200])
    for words, fits in {
        "db-4": lambda host: "db-4" in host["name"],
        "  BUILD   no space LEFT ": lambda host: "build" in host["name"] and "no space left" in str(host["findings"]),
        "<script>": lambda host: host["name"] == fleet.HOSTILE,
        fleet.OWN: lambda host: fleet.OWN in str(host),
        "no host says so": lambda host: False,
        "": lambda host: True,
    }.items():
        browser.type(words)
        expected = sorted(host["name"] for host in hosts if fits(host))
        assert expected or words == "no host says so"
        assert sorted(browser.rows()) == expected, words
        assert browser.find("output").text == f"{len(expected)} of 200 hosts"


def test_filtering_by_state_and_text(browser, pages, reports):
    hosts = reports[200]["hosts"]
    browser.open(pages[200])
    assert set(RANKS) == set(reports[200]["summary"]["states"])
    assert reports[200]["summary"]["findings"]["old_engine"] > reports[200]["summary"]["states"]["old_engine"]
    for state in RANKS:
        browser.choose(state)
        fits = [
            host["name"]
            for host in hosts
            if state in {finding["kind"] for finding in host["findings"]} or state == host["state"]
        ]
        assert sorted(browser.rows()) == sorted(fits), "by any finding of the host, not only the worst one"
        number = reports[200]["summary"]["findings" if state != "ok" else "states"][state]
        assert len(fits) == number and browser.find(f'option[value="{state}"]').text.endswith(f"({number})")
    browser.type("web")
    browser.find("thead button").click()
    assert sorted(browser.rows()) == sorted(
        host["name"] for host in hosts if host["state"] == "ok" and "web" in host["name"]
    )
    browser.type("")
    browser.choose("")
    assert len(browser.rows()) == 200


def test_two_thousand_hosts_are_handled(browser, pages, reports, capsys):
    began = time.monotonic()
    browser.open(pages[2000])
    assert len(browser.rows()) == 2000
    shown = time.monotonic()
    browser.find_all("thead button")[4].click()
    hosts = {host["name"]: host for host in reports[2000]["hosts"]}
    known = [fastest(hosts[name]) for name in browser.rows() if fastest(hosts[name]) is not None]
    assert len(known) > 1000 and known == sorted(known)
    ordered = time.monotonic()
    browser.type("worker-499")
    assert browser.rows() == ["worker-499"]
    found = time.monotonic()
    with capsys.disabled():
        print(
            f"\n2,000 hosts: shown after {shown - began:.1f} s, sorted after {ordered - shown:.1f} s, "
            f"searched after {found - ordered:.1f} s"
        )


# -- keyboard, screen reader, paper ----------------------------------------------------------------------------------


@pytest.mark.parametrize("width", WIDTHS)
def test_the_keyboard_reaches_every_control(browser, pages, reports, width):
    browser.open(pages[200], width)
    focused = []
    for _number in range(9):
        browser.press(Keys.TAB)
        element = browser.driver.switch_to.active_element
        focused.append(element.accessible_name)
        visible, style, width_of_outline = browser.run(
            """
            const box = arguments[0].getBoundingClientRect(), style = getComputedStyle(arguments[0]);
            const middle = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
            const visible = middle === arguments[0] || arguments[0].contains(middle);
            return [visible, style.outlineStyle, parseFloat(style.outlineWidth)];
            """,
            element,
        )
        assert visible and style != "none" and width_of_outline >= 2, f"{focused[-1]}: the focus is visible"
    assert focused == ["Search", "State", *KEYS, "Sources and health"]
    browser.press(Keys.ENTER)
    assert len(browser.find_all("details[open]")) == 1
    for _number in range(3):
        webdriver.ActionChains(browser.driver).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
    browser.press(Keys.ENTER)
    assert says_order(browser)["Engine"] == ("ascending", "ascending")
    browser.run("document.activeElement.blur(); scrollTo(0, 0); getSelection().removeAllRanges()")
    browser.find("input").click()
    browser.press("db-4", Keys.TAB, Keys.ARROW_DOWN)
    first = next(iter(reports[200]["summary"]["states"]))
    assert sorted(browser.rows()) == sorted(
        host["name"] for host in reports[200]["hosts"] if "db-4" in host["name"] and host["state"] == first
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_what_a_screen_reader_reads(browser, pages, width):
    browser.open(pages[3], width)
    nodes = [node for node in browser.cdp("Accessibility.getFullAXTree", {})["nodes"] if not node["ignored"]]
    names = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes]
    assert browser.find("html").get_attribute("lang") == "en" and "hosts covered" in browser.driver.title
    assert {"banner", "main", "table"} <= {role for role, _name in names}
    assert [name for role, name in names if role == "columnheader"] == list(KEYS)
    assert len([name for role, name in names if role == "rowheader"]) == 3
    assert len([name for role, name in names if role == "row"]) == 4
    controls = {"button", "searchbox", "combobox", "image", "region", "table", "DisclosureTriangle"}
    assert [role for role, name in names if role in controls and not name] == [], "each control has a name"
    levels = [int(heading.tag_name[1]) for heading in browser.find_all("h1, h2, h3, h4")]
    assert levels[0] == 1 and all(after - before <= 1 for before, after in zip(levels, levels[1:]))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_on_paper(browser, pages, scheme):
    """Paper shows all hosts without the filter, since it does not show the filter. Sheets are never dark."""
    browser.open(pages[200], 718, scheme)
    browser.type("db-4")
    assert len(browser.rows()) < 200 and browser.find("form").is_displayed()
    browser.look(718, scheme, "print")
    assert len(browser.rows()) == 200
    assert not browser.find("form").is_displayed()
    visible = browser.run(
        "return [...document.querySelectorAll('dd')]"
        ".filter(dd => dd.checkVisibility({contentVisibilityAuto: true})).length"
    )
    assert visible > 200, "folded details are printed too"
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.faint()[1] == []
    needed, given = browser.run("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert needed <= given and browser.run(OVERFLOWING) == []
    browser.screenshot(f"200-print-{scheme}")
    printed = base64.b64decode(browser.cdp("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69})["data"])
    (FOLDER / f"200-{scheme}.pdf").write_bytes(printed)
    assert printed.startswith(b"%PDF-") and len(re.findall(rb"/Type /Page\b", printed)) > 5
