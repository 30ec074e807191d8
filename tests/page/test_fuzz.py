"""Every route of the whole application, asked with anything: an answer in words, never a 500.

The routes and their fields come from the application itself (its OpenAPI description, the options of the runs, the
fields of an operation), so a new route is asked by being there. FACT_STUDIO_FUZZ=2000 asks each so often, at random.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from app.routes.classes import CHANGES
from app.shell.guard import OWN_PATHS, PLAIN_PATHS
from app.shell.server import Server
from fact_core.choices import BACKBONES, EXPORTS, PRESETS, RECIPES, STRATEGIES
from fact_core.config import RUN_CONFIGS, options
from fact_core.labeling.history import OPS, Op
from tests.page.site_help import Site, whole_site
from tests.storage_help import is_sound

OFTEN = int(os.environ.get("FACT_STUDIO_FUZZ", "0"))
pytestmark = [
    pytest.mark.timeout(3600 if OFTEN else 300),
    # Gradio leaves the event loop open in which it built a page.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
relaxed = settings(
    max_examples=OFTEN or 40,
    derandomize=not OFTEN,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)

# ---- the application


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with whole_site(tmp_path_factory.mktemp("fuzz")) as made:
        yield made
        assert is_sound(made.project)


def described() -> dict[str, Any]:
    """The OpenAPI description of our own routes."""
    from fastapi import FastAPI

    from app.routes import register_all

    app = FastAPI()
    register_all(app, Server())
    return app.openapi()


API = described()
ROUTES = [(path, method, asked) for path, ways in API["paths"].items() for method, asked in ways.items()]
NAMES = [f"{method} {path}" for path, method, _ in ROUTES]

# ---- anything

PATHS = ("/etc/passwd", "..", "../../x", "~", "~root", "~nobody-here/x", "C:\\x", "\\\\host\\share", "file:///etc", ".")
TEXTS = some.one_of(
    some.text(max_size=40),
    some.text(some.characters(), max_size=8).map(lambda text: text + "\ud800"),
    some.sampled_from(["", " ", "\0", "a\0b", "\ud83d", "x" * 10_000, "../" * 3_400, "<img src=x onerror=alert(1)>"]),
    some.sampled_from(["=1+1", "\u202egpj", "\n", "NaN", "1e999", "0x10", "-1", "9" * 30, "true", "null", "[]", "%00"]),
    some.sampled_from(PATHS),
)
NUMBERS = some.one_of(
    some.integers(-3, 12),
    some.sampled_from([2**31, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 10**40]),
    some.floats(),
)
PLAIN = some.one_of(some.none(), some.booleans(), NUMBERS, TEXTS)
ANYTHING = some.recursive(
    PLAIN,
    lambda inner: some.one_of(some.lists(inner, max_size=4), some.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=8,
)
DEEP = some.integers(5, 3000).map(lambda depth: "[" * depth + "]" * depth)


def mostly(right: some.SearchStrategy[Any]) -> some.SearchStrategy[Any]:
    """Often what belongs there, else anything."""
    return some.one_of(right, right, right, ANYTHING)


def objects(of: Mapping[str, some.SearchStrategy[Any]]) -> some.SearchStrategy[dict[str, Any]]:
    """Objects with some of these fields, and now and then with one that does not belong there."""
    named = some.fixed_dictionaries({}, optional=dict(of))
    whole = some.fixed_dictionaries(dict(of))
    return some.tuples(some.one_of(whole, whole, named), some.dictionaries(TEXTS, PLAIN, max_size=1)).map(
        lambda both: {**both[1], **both[0]}
    )


def typed(schema: Mapping[str, Any]) -> some.SearchStrategy[Any]:
    """What a JSON schema of ours asks for."""
    if "$ref" in schema:
        schema = API["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return some.one_of([typed(each) for each in schema["anyOf"]])
    kind = schema.get("type")
    if kind == "object" and "properties" in schema:
        return objects({name: mostly(field(name, each)) for name, each in schema["properties"].items()})
    if kind == "array":
        return some.lists(mostly(typed(schema.get("items", {}))), max_size=4)
    plain: dict[Any, some.SearchStrategy[Any]] = {
        "integer": some.integers(0, 12),
        "string": TEXTS,
        "boolean": some.booleans(),
        "null": some.none(),
    }
    return plain.get(kind, ANYTHING)


def field(name: str, schema: Mapping[str, Any]) -> some.SearchStrategy[Any]:
    """What stands in a field: some have values that mean something."""
    known = {
        "op": some.sampled_from(list(CHANGES)),
        "ops": some.lists(OPERATION, max_size=4),
        "kind": some.sampled_from([*RUN_CONFIGS, "file", "json", "folders", "csv"]),
        "config": CONFIG,
        "name": some.one_of(some.sampled_from(list(BACKBONES)), TEXTS),
        "client": some.sampled_from(["tab", "desk.1", "desk.2"]),
        "batch": some.sampled_from(["merge-1", "a.import-1"]),
        "keep": some.sampled_from(["mine", "theirs"]),
    }
    return some.one_of(known[name], typed(schema)) if name in known else typed(schema)


#: By name: what an operation's fields are, of the dataclass that the route makes of it.
OPERATION = objects(
    {
        each.name: mostly(
            some.sampled_from(OPS)
            if each.name == "kind"
            else some.integers(0, 9)
            if "int" in str(each.type)
            else some.sampled_from(["person", "grid"])
            if each.name == "source"
            else TEXTS
        )
        for each in fields(Op)
    }
)
CHOICES = some.sampled_from([*RECIPES, *PRESETS, *BACKBONES, *STRATEGIES, *EXPORTS, "50", "2%", "3"])
#: Options by their flat names, of any run; groups as a whole, too.
CONFIG = some.one_of(
    [
        objects({name: mostly(some.one_of(CHOICES, PLAIN)) for name, _ in list(options(cls))[:12]})
        for cls in RUN_CONFIGS.values()
    ]
    + [some.dictionaries(some.sampled_from(["lp", "lp.steps", "ff.x", "recipe.x", "preset", ".", "st."]), ANYTHING)]
)


def path_of(path: str, asked: Mapping[str, Any], site: Site) -> some.SearchStrategy[str]:
    """The address with its places filled; the project is there most of the time."""
    places = [each["name"] for each in asked.get("parameters", ()) if each["in"] == "path"]
    real = {
        "key": some.just(site.key),
        "item_id": some.integers(0, 12).map(str),
        "kind": some.sampled_from(list(RUN_CONFIGS)),
    }
    filled = {
        each: some.one_of(real.get(each, TEXTS), real.get(each, TEXTS), real.get(each, TEXTS), TEXTS) for each in places
    }

    def put(values: dict[str, str]) -> str:
        text = path
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", quoted(value))
        return text

    return some.fixed_dictionaries(filled).map(put)


def quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def harmless(path: str, body: Any, key: str) -> Any:
    """The project stays there, and nothing is made outside of the test's own home."""
    if path == "/x/projects/delete" and isinstance(body, dict) and body.get("key") == key:
        return {**body, "key": "0a"}
    if isinstance(body, dict) and isinstance(body.get("folder"), str):
        return {**body, "folder": body["folder"].lstrip("/ \n\t")}
    return body


def told_in_words(answer: Any) -> None:
    assert answer.status_code < 500 or answer.status_code == 507, (answer.status_code, answer.text[:500])
    assert "Traceback" not in answer.text
    if answer.status_code >= 400:
        said = answer.json()
        assert set(said) == {"what", "found", "do"} and said["what"], said
        assert len(answer.content) < 3_000, "a mistake is not told back at its full length"


# ---- the tests


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method", "asked"), ROUTES, ids=NAMES)
def test_every_route_of_ours_answers_in_words(path: str, method: str, asked: dict[str, Any], site: Site) -> None:
    query = {each["name"]: each["schema"] for each in asked.get("parameters", ()) if each["in"] == "query"}
    queries = objects({name: mostly(typed(schema)) for name, schema in query.items()})
    content = asked.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})

    @relaxed
    @given(path_of(path, asked, site), queries, some.one_of(typed(content), typed(content), ANYTHING), some.data())
    def ask(address: str, given_query: dict[str, Any], body: Any, data: Any) -> None:
        pairs = "&".join(f"{quoted(str(name))}={quoted(str(value))}" for name, value in given_query.items())
        url = f"{address}?{pairs}"[:60_000] if pairs else address  # the client itself asks for none that is longer
        if method == "get":
            told_in_words(site.client.get(url))
            return
        text = json.dumps(harmless(path, body, site.key))  # NaN, Infinity and half characters stand in it as such
        if data.draw(some.integers(0, 9)) == 0:
            text = data.draw(some.one_of(DEEP, some.just(text[: len(text) // 2]), some.just("")))
        told_in_words(site.client.post(url, content=text.encode(), headers={"content-type": "application/json"}))
        assert site.client.get(f"/x/{site.key}/state").status_code == 200, "what was taken can be told"

    ask()
    for each in ("queue", "state", "results"):
        told_in_words(site.client.get(f"/x/{site.key}/{each}"))


@pytest.mark.parametrize("path", sorted(OWN_PATHS | PLAIN_PATHS))
def test_what_is_open_of_gradio_answers_anything(path: str, site: Site) -> None:
    session = some.sampled_from(["s1", "s2"])
    body = objects(
        {
            "data": mostly(some.lists(mostly(CHOICES), max_size=3)),
            "fn_index": mostly(some.integers(-1, 12)),
            "session_hash": mostly(session),
            "event_id": mostly(TEXTS),
            "trigger_id": mostly(some.integers(0, 30)),
            "event_data": ANYTHING,
            "api_name": ANYTHING,
            "batched": mostly(some.booleans()),
            "request": ANYTHING,
        }
    )

    @relaxed
    @given(some.one_of(body, body, ANYTHING))
    def ask(body: Any) -> None:
        answer = site.client.post(path, content=json.dumps(body).encode(), headers={"content-type": "application/json"})
        assert answer.status_code < 500 and "Traceback" not in answer.text, answer.text[:500]

    ask()
    if not path.startswith("/gradio_api/queue/"):  # an unknown session's stream ends only when the page has gone
        assert site.client.get(path).status_code < 500


def test_every_route_is_asked(site: Site) -> None:
    """Nothing of ours is registered that the description leaves out."""
    assert {path.split("/")[1] for path, _, _ in ROUTES} == {"x"} and len(ROUTES) > 35
    bodies = [asked for _, method, asked in ROUTES if method == "post"]
    assert all("application/json" in each["requestBody"]["content"] for each in bodies)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": -Infinity}',
        b'{"a": "\\ud800"}',
        b'"\xed\xa0\x80"',
        b"9" * 5_000,
        b"[" * 200_000,
        b"[" * 50 + b"]" * 50,
        b'{"a": ' * 900 + b"1" + b"}" * 900,
        b'{"budget": 99999999999999999999}',
    ],
)
def test_a_body_that_cannot_be_stored_is_refused_before_a_route_sees_it(body: bytes, site: Site) -> None:
    for path in (f"/x/{site.key}/run", f"/x/{site.key}/ops", "/x/projects/new", "/gradio_api/queue/join"):
        answer = site.client.post(path, content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 422)
        told_in_words(answer)


def test_whole_characters_and_large_numbers_pass() -> None:
    from app.routes.bodies import read

    assert read(b'{"a": "\\ud83d\\ude00", "b": [9007199254740993, -0.5, 1e300], "c": {"d": [[[null]]]}}') == {
        "a": "\N{GRINNING FACE}",
        "b": [2**53 + 1, -0.5, 1e300],
        "c": {"d": [[[None]]]},
    }
