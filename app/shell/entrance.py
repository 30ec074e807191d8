"""The pages in front of the page: where the address with the token goes, where a password is asked for, who stays out.

They put the keys that no cookie has (``keys.py``) into the browser's localStorage, from where assets/shell/key.js
takes them.
"""

from __future__ import annotations

import html as markup
import json
from collections import deque
from collections.abc import Sequence
from urllib.parse import urlencode

from app.shell.keys import Keys
from app.shell.origin import HERE, network_of

#: What the browser keeps them under.
STORED = "fact-studio.key"
#: So many wrong passwords may be given in so many seconds, from one address and by all together.
MOST_WRONG, MOST_OF_ALL, WITHIN = 10, 100, 60.0

_HEAD = "<!doctype html><html lang=en><meta charset=utf-8><title>FACT Studio</title>"
_BODY = "<body style='font:16px sans-serif;margin:40px'>"

LOCKED_PAGE = (
    f"{_HEAD}{_BODY}<p>This window is not let in. "
    "Open the address that FACT Studio printed in the terminal when it was started.</p>"
)

PASSWORD_PAGE = f"""{_HEAD}{_BODY}
<form><p><label>Password of FACT Studio<br>
<input type=password autocomplete=current-password autofocus required></label> <button>Open</button></p>
<p role=alert></p></form>
<script>
const form = document.querySelector("form"), told = document.querySelector("[role=alert]");
form.addEventListener("submit", async (event) => {{
  event.preventDefault();
  try {{
    const body = JSON.stringify({{ password: form.querySelector("input").value }});
    const answer = await fetch("/enter", {{ method: "POST", headers: {{ "Content-Type": "application/json" }}, body }});
    const given = await answer.json();
    if (!answer.ok) throw new Error(`${{given.what}} ${{given.do}}`);
    localStorage.setItem("{STORED}", JSON.stringify(given));
    location.reload();
  }} catch (problem) {{
    told.textContent = problem.message;
  }}
}});
</script>"""


def given_keys(keys: Keys) -> dict[str, str]:
    """What the browser keeps, as assets/shell/key.js reads it."""
    return {"page": keys.page, "pictures": keys.pictures}


def forward(query: Sequence[tuple[str, str]], keys: Keys | None) -> str:
    """A page that leaves the keys with the browser and goes on to the same address without the token.

    Not a redirect: after a click on another page, a Strict cookie would not travel with one.
    """
    rest = urlencode([(name, value) for name, value in query if name != "token"])
    target = markup.escape("/" + (f"?{rest}" if rest else ""))
    # A text within a text: neither can end the script, a key has letters, digits, "-" and "_" alone.
    kept = json.dumps(json.dumps(given_keys(keys))) if keys else ""
    script = f"<script>localStorage.setItem({json.dumps(STORED)}, {kept});</script>" if keys else ""
    return f'{_HEAD}{script}<meta http-equiv="refresh" content="0;url={target}">'


class Tries:
    """How many wrong passwords were given lately, and by whom. ``now`` in seconds, of a clock that is never set.

    who: as ``origin.place_of`` says it, or an address.

    By address, so that nobody in the network keeps the others out; and by all together, for one may have many
    addresses. The person on this computer is counted alone: the network's guesses never keep them out.
    """

    def __init__(self) -> None:
        self._wrong: deque[tuple[float, str]] = deque()

    def too_many(self, now: float, who: str) -> bool:
        """Whether no further password from that address is looked at for the moment."""
        while self._wrong and now - self._wrong[0][0] >= WITHIN:
            self._wrong.popleft()
        place = network_of(who)
        if sum(each == place for _, each in self._wrong) >= MOST_WRONG:
            return True
        return len(self._wrong) >= MOST_OF_ALL and place != HERE

    def wrong(self, now: float, who: str) -> None:
        """Another one from that address was wrong."""
        self._wrong.append((now, network_of(who)))
