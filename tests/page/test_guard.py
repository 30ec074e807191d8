"""The guard: who gets in, and that everybody else stays outside, on every kind of route."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.shell.guard import MAX_BODY, MAX_IMPORT, Guard, make_keys

PORT = 7999
HOME = f"http://127.0.0.1:{PORT}"
KEYS = make_keys("the-token", b"s" * 32, PORT)
COOKIE = {"cookie": f"{KEYS.cookie_name}={KEYS.cookie}"}
JSON = {"content-type": "application/json"}
ROUTES = ("/", "/x/app", "/x/0a1b/thumb/1", "/gradio_api/queue/data", "/assets/index.js", "/config")


async def _answer(request: object) -> PlainTextResponse:
    return PlainTextResponse("inside", headers={"access-control-allow-origin": "*"})


@pytest.fixture
def outside() -> TestClient:
    """A browser that nobody has let in."""
    inner = Starlette(routes=[Route("/{rest:path}", _answer, methods=["GET", "POST", "PUT", "DELETE"])])
    return TestClient(Guard(inner, host="127.0.0.1", port=PORT, keys=KEYS), base_url=HOME)


@pytest.fixture
def inside(outside: TestClient) -> TestClient:
    """A browser with the cookie."""
    outside.headers.update(COOKIE)
    return outside


@pytest.mark.parametrize("path", ROUTES)
def test_without_the_cookie_nobody_gets_in(outside: TestClient, path: str) -> None:
    answer = outside.get(path)
    assert answer.status_code == 403
    assert "inside" not in answer.text


@pytest.mark.parametrize("path", ROUTES)
def test_with_the_cookie_one_gets_in(inside: TestClient, path: str) -> None:
    assert inside.get(path).text == "inside"


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:80", "localhost:1", ""]
)
def test_a_foreign_host_is_refused(inside: TestClient, path: str, host: str) -> None:
    assert inside.get(path, headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"[::1]:{PORT}", f"LOCALHOST:{PORT}"])
def test_our_own_names_are_served(inside: TestClient, host: str) -> None:
    assert inside.get("/x/app", headers={"host": host}).text == "inside"


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", f"https://127.0.0.1:{PORT}", "http://127.0.0.1:1234", "http://127.0.0.1", ""],
)
@pytest.mark.parametrize("cookie", [True, False])
def test_a_foreign_origin_is_refused(outside: TestClient, path: str, origin: str, cookie: bool) -> None:
    headers = {"origin": origin, **(COOKIE if cookie else {})}
    assert outside.get(path, headers=headers).status_code == 403
    assert outside.post(path, headers=headers | JSON, content="{}").status_code == 403


def test_our_own_origin_may_write(inside: TestClient) -> None:
    assert inside.post("/x/app", headers={"origin": HOME} | JSON, content="{}").text == "inside"
    # localhost and 127.0.0.1 are two origins to a browser
    assert inside.post("/x/app", headers={"origin": f"http://localhost:{PORT}"} | JSON, content="{}").status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "something-new"])
def test_requests_of_other_sites_are_refused(inside: TestClient, site: str) -> None:
    assert inside.get("/x/app", headers={"sec-fetch-site": site}).status_code == 403
    assert inside.get("/", headers={"sec-fetch-site": site, "sec-fetch-mode": "navigate"}).status_code == 403


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_requests_of_our_own_page_pass(inside: TestClient, site: str) -> None:
    assert inside.get("/x/app", headers={"sec-fetch-site": site}).text == "inside"


@pytest.mark.parametrize(
    "kind", ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", ""]
)
def test_only_json_is_taken(inside: TestClient, kind: str) -> None:
    assert inside.post("/x/app", headers={"content-type": kind}, content="{}").status_code == 415


def test_json_with_a_charset_is_taken(inside: TestClient) -> None:
    assert (
        inside.post("/x/app", headers={"content-type": "application/json; charset=utf-8"}, content="{}").text
        == "inside"
    )


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_only_get_and_post_are_used(inside: TestClient, method: str) -> None:
    assert inside.request(method, "/x/app").status_code == 405


def test_an_endless_request_is_refused(inside: TestClient) -> None:
    long = {"content-length": str(MAX_BODY + 1)}
    assert inside.post("/x/app", headers=JSON | long, content="{}").status_code == 413
    assert inside.post("/x/KEY/import/preview", headers=JSON | long, content="{}").status_code == 200
    for path in ("/x/KEY/import/commit", "/x/KEY/more/import/preview", "/x/KEY/import/preview/more"):
        assert inside.post(path, headers=JSON | long, content="{}").status_code == 413
    longer = {"content-length": str(MAX_IMPORT + 1)}
    assert inside.post("/x/KEY/import/preview", headers=JSON | longer, content="{}").status_code == 413
    assert (
        inside.post("/x/app", headers=JSON | {"transfer-encoding": "chunked"}, content=iter([b"{}"])).status_code == 411
    )


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/docs",
            "/openapi.json",
            "/login",
            "/monitoring",
            "/gradio_api/upload",
            "/gradio_api/proxy=http://169.254.169.254/",
        ),
        *(
            "/gradio_api/file=/etc/passwd",
            "/gradio_api/file/etc/passwd",
            "/file=/etc/passwd",
            "/gradio_api/run/predict",
        ),
        *(
            "/gradio_api/component_server",
            "/gradio_api/stream/a/b/1/playlist-file",
            "/gradio_api/vibe-edit",
            "/project.sqlite",
        ),
        *("/x/../etc/passwd", "/x/%2e%2e/etc/passwd", "/x/%252e%252e/etc/passwd", "/x/assets/..%2f..%2fetc/passwd"),
        *("/x/assets/%00", "/x/assets/..%5c..%5cx", "/gradio_api/heartbeat/../upload"),
    ],
)
def test_what_the_page_does_not_need_is_closed(inside: TestClient, path: str) -> None:
    scope = inside.build_request("GET", HOME + "/")
    scope.url = scope.url.copy_with(raw_path=path.encode())
    assert inside.send(scope).status_code == 404


def test_the_token_becomes_a_strict_cookie(outside: TestClient) -> None:
    answer = outside.get("/?token=the-token&p=0a1b2c")
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 200
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "the-token" not in cookie
    assert 'content="0;url=/?p=0a1b2c"' in answer.text and "the-token" not in answer.text
    assert outside.get("/x/app").text == "inside"  # the client keeps the cookie


def test_a_click_on_the_address_in_a_web_terminal_gets_in(outside: TestClient) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert "set-cookie" in outside.get("/?token=the-token", headers=headers).headers
    assert outside.get("/?token=wrong", headers=headers).status_code == 403
    # not from inside another page, and never another route
    assert outside.get("/?token=the-token", headers=headers | {"sec-fetch-mode": "no-cors"}).status_code == 403
    assert outside.get("/x/app?token=the-token", headers=headers).status_code == 403


@pytest.mark.parametrize("token", ["", "wrong", "the-token2", "thé-token"])
def test_a_wrong_token_stays_outside(outside: TestClient, token: str) -> None:
    answer = outside.get("/", params={"token": token})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_the_way_in_escapes_what_it_repeats(outside: TestClient) -> None:
    answer = outside.get("/", params={"token": "the-token", "p": '"><script>alert(1)</script>'})
    assert "<script>" not in answer.text


def test_a_token_in_the_address_of_one_who_is_in_is_dropped(inside: TestClient) -> None:
    assert 'url=/"' in inside.get("/?token=the-token").text


def test_the_cookie_outlives_a_restart_but_not_the_secret() -> None:
    assert make_keys("another", b"s" * 32, PORT).cookie == KEYS.cookie
    assert make_keys("the-token", b"t" * 32, PORT).cookie != KEYS.cookie
    assert make_keys("the-token", b"s" * 32, PORT + 1).cookie != KEYS.cookie


@pytest.mark.parametrize(
    "cookie", ["nonsense", f"{KEYS.cookie_name}=wrong", f"fact_studio_1={KEYS.cookie}", "a=b; =; ;"]
)
def test_a_wrong_cookie_stays_outside(outside: TestClient, cookie: str) -> None:
    assert outside.get("/x/app", headers={"cookie": cookie}).status_code == 403


def test_every_answer_carries_the_policy(inside: TestClient) -> None:
    for answer in (inside.get("/x/app"), inside.get("/docs"), inside.get("/x/app", headers={"host": "evil.example"})):
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in answer.headers


def test_on_all_addresses_numbers_are_served_and_names_are_not() -> None:
    inner = Starlette(routes=[Route("/{rest:path}", _answer)])
    client = TestClient(Guard(inner, host="0.0.0.0", port=PORT, keys=KEYS), base_url=HOME, headers=COOKIE)
    assert client.get("/x/app", headers={"host": f"192.168.1.7:{PORT}"}).text == "inside"
    assert client.get("/x/app", headers={"host": f"evil.example:{PORT}"}).status_code == 403
