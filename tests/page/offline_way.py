"""The whole way on the page, in a network namespace that has nothing but 127.0.0.1. Started by test_no_network.py.

``python -m tests.page.offline_way FOLDER``: the project lies in FOLDER/project. What the processes and the browser
tried is written into FOLDER: ``python.txt`` by the audit hook of sitecustomize.py, ``strace.txt`` where there is
strace, ``browser.json`` by Chromium itself.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

#: Writes a line for every address that Python code wants to reach or to know, into the file that NO_NETWORK names.
HOOK = """
import os, sys
def _hear(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        with open(os.environ["NO_NETWORK"], "a", encoding="utf-8") as file:
            print(event, repr(args[1] if event in ("socket.connect", "socket.sendto") else args[0]), file=file)
sys.addaudithook(_hear)
"""
QUICK = {
    "preset": "quick",
    "ff.steps": 4,
    "ff.pixels": 64,
    "ff.batch": 8,
    "ff.gate": "off",
    "st.steps": 2,
    "st.images": 60,
    "lm.steps": 4,
    "lm.views": 1,
}


def main(folder: Path) -> None:
    """Serve, look at every page, and do on each what it is for."""
    bring_up_loopback()
    hook = folder / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(HOOK)
    os.environ["NO_NETWORK"] = str(folder / "python.txt")
    os.environ["PYTHONPATH"] = os.pathsep.join((str(hook), os.environ["PYTHONPATH"]))
    knock(folder)
    from tests.page.browser_help import Served

    tool = shutil.which("strace")
    trace = [tool, "-f", "-qq", "--seccomp-bpf", "-e", "trace=connect,sendto", "-o", str(folder / "strace.txt")]
    prefix = [each for each in trace if each] if tool else []
    served = Served(folder / "started", "--project", str(folder / "project"), prefix=prefix)
    try:
        drive(folder, served.address)
    finally:
        served.end()
        print(served.told())
    images = [sys.executable, str(folder / "exported" / "predict.py"), str(folder / "images"), "--out"]
    subprocess.run([*images, str(folder / "answers.csv")], check=True)


def bring_up_loopback() -> None:
    """What ``ip link set lo up`` does; the program for it is not on every computer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING


def knock(folder: Path) -> None:
    """One attempt on purpose, of a child as the program starts some: what listens here hears it, and nobody answers."""
    code = "import socket; s = socket.socket(); s.settimeout(2); s.connect_ex(('192.0.2.1', 80))"
    subprocess.run([sys.executable, "-c", code], check=True)
    heard = (folder / "python.txt").read_text("utf-8")
    assert "192.0.2.1" in heard, heard
    (folder / "python.txt").unlink()


def drive(folder: Path, address: str) -> None:
    """Select, label by keys, train, look at the results, export; every page is shown."""
    from playwright.sync_api import sync_playwright

    from tests.page.browser_help import CHROMIUM, COUNTED, LONG, PAINTED, SOON, go, on_page
    from tests.page.conftest import ARGUMENTS

    log = [f"--log-net-log={folder / 'browser.json'}"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *log])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(SOON)
        page.goto(address)
        on_page(page, "project")
        go(page, "select")
        page.evaluate("() => FactStudio.start('select', {budget: '8', check: 4})")
        page.wait_for_function("() => FactStudio.state.selection && !FactStudio.state.run", timeout=LONG)
        go(page, "label")
        for number in range(12):
            page.evaluate(PAINTED)  # no key acts on an image that has not been painted
            page.keyboard.press("12"[number % 2])
            page.wait_for_function(COUNTED, arg=number + 1)
        page.wait_for_function("(n) => FactStudio.state.labels.total >= n", arg=12)  # the server has told of all
        go(page, "train")
        page.evaluate("(config) => FactStudio.start('train', config)", QUICK)
        done = "() => FactStudio.state.runs.some((run) => run.kind === '{}' && run.status === 'done')"
        page.wait_for_function(done.format("train"), timeout=LONG)
        page.wait_for_function("() => document.querySelector('#train-chart')?.data?.length")
        go(page, "results")
        page.wait_for_function(done.format("predict"), timeout=LONG)
        page.wait_for_selector("#results-accuracy")
        page.locator("#export-into").fill(str(folder / "exported"))
        page.locator("#results-export").click()
        page.wait_for_function(done.format("export"), timeout=LONG)
        page.reload()
        on_page(page, "results")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
