"""The whole way without a network: nothing of ours so much as tries to reach anybody."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from fact_core.generators import finish
from fact_core.labeling import classes
from fact_core.storage import project as projects
from fact_core.work.scan import scan
from tests.conftest import MakeImages

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1500)]

#: Who asks, where no page does; whom Chromium asks for hints about a page's forms, in the page's name.
ITSELF, HINTS = "not an origin", "content-autofill.googleapis.com"


def outside(address: str) -> bool:
    """Whether an address or a name is not this computer's."""
    try:
        return not ipaddress.ip_address(address.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return address not in ("localhost", "")


def of_python(text: str) -> list[str]:
    """What Python code tried: lines of the hook in offline_way.py."""
    hosts = re.findall(r"^socket\.\w+ (?:\('([^']*)', .*\)|'([^']*)'|(?:b?'\S*|None))$", text, re.M)
    found = [address or name for address, name in hosts]
    return [each for each in found if outside(each) and not each.startswith("/")]


def of_strace(text: str) -> list[str]:
    """What any code of these processes tried, Python or not."""
    found = re.findall(r'sin_addr=inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"', text)
    return [each for pair in found for each in pair if each and outside(each)]


def of_browser(log: dict[str, Any]) -> list[str]:
    """What pages asked for and looked up. Chromium itself asks its maker for updates, the time, hints for forms."""
    names = {number: name for name, number in log["constants"]["logEventTypes"].items()}
    found = []
    for event in log["events"]:
        kind, told = names[event["type"]], event.get("params", {})
        if kind == "URL_REQUEST_START_JOB" and told.get("initiator", ITSELF) != ITSELF:
            parts = urlsplit(told["url"])
            found.append((parts.hostname or "") if parts.scheme in ("http", "https", "ws", "wss") else "")
        elif kind == "HOST_RESOLVER_MANAGER_REQUEST" and told.get("network_anonymization_key", "null") != "null":
            found.append(urlsplit(told["host"]).hostname or re.sub(r":\d+$", "", told["host"]))
    return [each for each in found if outside(each) and each != HINTS]


def test_what_is_looked_for_would_be_found() -> None:
    python = "socket.connect ('192.0.2.1', 80)\nsocket.getaddrinfo 'hf.co'\nsocket.connect '/run/x'\nsocket.connect "
    assert of_python(f"{python}('127.0.0.1', 80)\nsocket.getaddrinfo 'localhost'\n") == ["192.0.2.1", "hf.co"]
    assert of_python("socket.connect ('2001:db8::1', 80, 0, 0)\nsocket.connect ('::1', 80, 0, 0)\n") == ["2001:db8::1"]
    strace = '7 connect(3, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("192.0.2.1")}, 16) = -1\n'
    strace += '7 connect(3, {sa_family=AF_INET6, inet_pton(AF_INET6, "2001:db8::1", &sin6_addr)}, 28) = -1\n'
    strace += '7 connect(3, {sa_family=AF_INET, sin_addr=inet_addr("127.0.0.1")}, 16) = 0\n'
    assert of_strace(strace) == ["192.0.2.1", "2001:db8::1"]
    kinds = {"URL_REQUEST_START_JOB": 2, "HOST_RESOLVER_MANAGER_REQUEST": 3}
    page, key = {"initiator": "http://127.0.0.1:7"}, {"network_anonymization_key": "http://127.0.0.1 same_site"}
    told = [(2, page | {"url": "https://hf.co/x"}), (2, page | {"url": "ws://hf.co"}), (2, page | {"url": "data:,x"})]
    told += [(2, page | {"url": "http://127.0.0.1:7/"}), (2, {"initiator": ITSELF, "url": "https://update.example"})]
    told += [(3, key | {"host": "https://hf.co"}), (3, {"host": "https://update.example"}), (3, {})]
    events = [{"type": kind, "params": params} for kind, params in told]
    assert of_browser({"constants": {"logEventTypes": kinds}, "events": events}) == ["hf.co", "hf.co", "hf.co"]


def test_the_whole_way_tries_to_reach_nobody(tmp_path: Path, make_images: MakeImages) -> None:
    """Hostile input 10: server, worker, exported program and every page; 0 attempts, not only none that succeeds."""
    tool = shutil.which("unshare")
    if tool is None or subprocess.run([tool, "-rn", "true"], capture_output=True).returncode:
        pytest.skip("this computer gives no network namespace (unshare -rn)")
    project = projects.create(tmp_path / "project", make_images(tmp_path / "images", each=20))
    finish(scan(project))
    for name in ("green", "red"):
        classes.add_class(project, name)
    with open(tmp_path / "way.txt", "wb") as out:
        command = [tool, "-rn", sys.executable, "-m", "tests.page.offline_way", str(tmp_path)]
        way = subprocess.run(command, env={**os.environ, "PYTHONUTF8": "1"}, stdout=out, stderr=out, timeout=1400)
    told = (tmp_path / "way.txt").read_text("utf-8", "replace")
    assert way.returncode == 0, told[-3000:]
    assert (tmp_path / "answers.csv").read_text("utf-8").count("\n") == 41
    python = (tmp_path / "python.txt").read_text("utf-8") if (tmp_path / "python.txt").exists() else ""
    assert of_python(python) == []
    if shutil.which("strace"):
        assert of_strace((tmp_path / "strace.txt").read_text("utf-8", "replace")) == []
    browser = json.loads((tmp_path / "browser.json").read_text("utf-8", "replace"))
    assert of_browser(browser) == []
    asked = [event for event in browser["events"] if "127.0.0.1" in str(event.get("params", {}).get("initiator"))]
    assert len(asked) > 100, "the page was heard"
