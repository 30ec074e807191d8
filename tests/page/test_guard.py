"""The guard: who gets in, and that everybody else stays outside, on every kind of route."""

from __future__ import annotations

import json
import re

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from app.shell import guard
from app.shell.entrance import MOST_OF_ALL, MOST_WRONG, STORED, Tries
from app.shell.guard import MAX_ADDRESS, MAX_BODY, MAX_IMPORT, PICTURES, Guard
from app.shell.keys import HEADER, QUERY, Keys, make_keys
from app.shell.origin import HERE, place_of
from fact_core.errors import InputError

PORT = 7999
HOME = f"http://127.0.0.1:{PORT}"
KEYS = make_keys(PORT, token="the-token")
COOKIE = {"cookie": f"{KEYS.cookie_name}={KEYS.cookie}"}
KEY = {HEADER: KEYS.page}
JSON = {"content-type": "application/json"}
#: What shows nothing of anybody, and what does; what an <img> or a link asks for.
PLAIN = (
    "/",
    "/config",
    "/assets/index.js",
    "/x/assets/0a1b/shell/main.js",
    "/x/text.json",
    "/gradio_api/startup-events",
)
OWN = (
    "/x/app",
    "/x/0a1b/state",
    "/x/0a1b/ops",
    "/x/projects/rename",
    "/x/projects/delete",
    "/gradio_api/queue/join",
    "/gradio_api/queue/data",
)
PICTURE = ("/x/0a1b/thumb/1", "/x/0a1b/image/1", "/x/0a1b/predictions.csv")
ROUTES = (*PLAIN, *OWN, *PICTURE)


async def _answer(request: object) -> PlainTextResponse:
    return PlainTextResponse("inside", headers={"access-control-allow-origin": "*"})


@pytest.fixture
def outside() -> TestClient:
    """A browser that nobody has let in."""
    return _client(KEYS)


def _client(keys: Keys, host: str = "127.0.0.1", https: bool = False) -> TestClient:
    inner = Starlette(routes=[Route("/{rest:path}", _answer, methods=["GET", "POST", "PUT", "DELETE"])])
    home = HOME.replace("http:", "https:") if https else HOME
    return TestClient(Guard(inner, host=host, port=PORT, keys=keys, https=https), base_url=home)


@pytest.fixture
def inside(outside: TestClient) -> TestClient:
    """Our page: it has the cookie and sends the key."""
    outside.headers.update(COOKIE | KEY)
    return outside


@pytest.mark.parametrize("path", ROUTES)
def test_without_the_cookie_nobody_gets_in(outside: TestClient, path: str) -> None:
    answer = outside.get(path)
    assert answer.status_code == 403
    assert "inside" not in answer.text


@pytest.mark.parametrize("path", ROUTES)
def test_with_the_cookie_and_the_key_one_gets_in(inside: TestClient, path: str) -> None:
    assert inside.get(path).text == "inside"


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:80", "localhost:1", ""]
)
def test_a_foreign_host_is_refused(inside: TestClient, path: str, host: str) -> None:
    """Hostile input 3: a name that was bound to our address anew, on every route."""
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
    """Hostile input 3: a foreign origin or none, with the cookie and without, on every route."""
    headers = {"origin": origin, **(COOKIE | KEY if cookie else {})}
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
    for path in ("/x/KEY/import/commit", "/x/KEY/more/import/preview", "/x/KEY/import/preview/more", "/x/KEY/try/more"):
        assert inside.post(path, headers=JSON | long, content="{}").status_code == 413
    assert inside.post("/x/KEY/try", headers=JSON | long, content="{}").status_code == 200
    longer = {"content-length": str(MAX_IMPORT + 1)}
    for path in ("/x/KEY/import/preview", "/x/KEY/try"):
        assert inside.post(path, headers=JSON | longer, content="{}").status_code == 413
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
    """Hostile input 1: files by their path, other hosts by Gradio's proxy, up and out of a folder."""
    scope = inside.build_request("GET", HOME + "/")
    scope.url = scope.url.copy_with(raw_path=path.encode())
    assert inside.send(scope).status_code == 404


OTHERS = (
    *("a[b]=1; {}", 'seen={{"q": "a;b"}}; {}', "flag; {}", "{}; flag", 'x="; {}', "a=b c; {}", "a@b=1; {}", "ä=ö; {}"),
    *("=x; {}", f"{KEYS.cookie_name}=other; {{}}", f"{{}}; {KEYS.cookie_name}=other", "{};", ";;{}"),
)


@pytest.mark.parametrize("others", OTHERS)
def test_cookies_of_other_programs_on_this_computer_keep_nobody_out(outside: TestClient, others: str) -> None:
    """Browsers send those of every port of 127.0.0.1."""
    cookie = others.format(COOKIE["cookie"])
    assert outside.get("/x/0a1b/state", headers=KEY | {"cookie": cookie.encode()}).text == "inside"
    for wrong in (KEYS.cookie[:-1], f"{KEYS.cookie}=", f"x{KEYS.cookie}"):
        headers = KEY | {"cookie": cookie.replace(KEYS.cookie, wrong).encode()}
        assert outside.get("/x/0a1b/state", headers=headers).status_code == 403


def test_the_token_becomes_a_strict_cookie(outside: TestClient) -> None:
    answer = outside.get("/?token=the-token&p=0a1b2c")
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 200
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "the-token" not in cookie
    assert 'content="0;url=/?p=0a1b2c"' in answer.text and "the-token" not in answer.text
    assert outside.get("/").text == "inside"  # the client keeps the cookie
    script = re.search(rf'<script>localStorage.setItem\("{STORED}", (.*?)\);</script>', answer.text)
    assert script and json.loads(json.loads(script[1])) == {"page": KEYS.page, "pictures": KEYS.pictures}


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
    assert "<script>alert" not in answer.text and "&quot;" not in answer.text.partition("<meta http-equiv")[0]


def test_a_token_in_the_address_of_one_who_is_in_is_dropped(inside: TestClient) -> None:
    for token in ("the-token", "wrong"):
        assert 'url=/"' in inside.get("/", params={"token": token}).text


def test_nothing_of_a_start_opens_the_next_one() -> None:
    first, second = ((each.cookie, each.page, each.pictures, each.ticket) for each in (KEYS, make_keys(PORT)))
    assert len({*first, *second}) == 8 and all(len(each) > 40 for each in (*first, *second))
    assert make_keys(PORT).token != make_keys(PORT).token
    assert make_keys(PORT + 1).cookie_name != KEYS.cookie_name


@pytest.mark.parametrize("path", (*OWN, *PICTURE))
def test_a_cookie_alone_shows_and_changes_nothing(outside: TestClient, path: str) -> None:
    """What another program sees that listens on 127.0.0.1, and sends with headers of its own choice."""
    forged = {"origin": HOME, "sec-fetch-site": "same-origin", "referer": f"{HOME}/"} | COOKIE
    for more in ({}, {HEADER: ""}, {HEADER: KEYS.cookie}, {HEADER: KEYS.pictures}, {HEADER: "the-token"}):
        for answer in (
            outside.get(path, headers=forged | more),
            outside.get(path, headers=forged | more, params={QUERY: KEYS.cookie}),
            outside.post(path, headers=forged | more | JSON, content="{}"),
        ):
            assert answer.status_code == 403 and "inside" not in answer.text
            assert KEYS.page not in answer.text and KEYS.pictures not in answer.text


@pytest.mark.parametrize("path", PLAIN)
def test_where_the_cookie_is_enough_no_key_is_given_away(outside: TestClient, path: str) -> None:
    assert outside.get(path, headers=COOKIE).text == "inside"
    for query in ({"token": ""}, {"token": "wrong"}, {"token": KEYS.cookie}):
        answer = outside.get("/", headers=COOKIE, params=query)
        assert KEYS.page not in answer.text and KEYS.pictures not in answer.text and "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", PICTURE)
def test_an_address_of_a_picture_opens_pictures_alone(outside: TestClient, path: str) -> None:
    assert PICTURES.fullmatch(path)
    right = {QUERY: KEYS.pictures}
    assert outside.get(path, headers=COOKIE, params=right).text == "inside"
    assert outside.get(path, params=right).status_code == 403, "the cookie is needed as well"
    assert outside.post(path, headers=COOKIE | JSON, params=right, content="{}").status_code == 403
    for other in OWN:
        assert outside.get(other, headers=COOKIE, params=right).status_code == 403
        assert outside.get(f"{other}/thumb/1/..", headers=COOKIE, params=right).status_code in (403, 404)


def test_the_ticket_of_the_command_line_is_good_once(outside: TestClient) -> None:
    assert "set-cookie" in outside.get("/", params={"token": KEYS.ticket}).headers
    outside.cookies.clear()
    again = outside.get("/", params={"token": KEYS.ticket})
    assert again.status_code == 403 and "set-cookie" not in again.headers


def test_the_cookie_ends_with_the_browser(outside: TestClient) -> None:
    cookie = outside.get("/?token=the-token").headers["set-cookie"].lower()
    assert "max-age" not in cookie and "expires" not in cookie and "secure" not in cookie


def test_over_https_the_cookie_is_for_https_and_so_is_the_origin() -> None:
    client = _client(KEYS, https=True)
    assert "; Secure" in client.get("/?token=the-token").headers["set-cookie"]
    for origin, status in ((HOME, 403), (HOME.replace("http:", "https:"), 200)):
        answer = client.post("/x/app", headers=COOKIE | KEY | JSON | {"origin": origin}, content="{}")
        assert answer.status_code == status


def test_an_address_that_is_too_long_is_refused(inside: TestClient) -> None:
    assert inside.get("/x/app", params={"a": "x" * MAX_ADDRESS}).status_code == 414
    assert inside.get("/x/" + "x" * 10_000).status_code == 414


def test_a_body_where_none_belongs_is_refused(inside: TestClient) -> None:
    assert inside.request("GET", "/x/app", content=b"x" * 10).status_code == 413
    for length in ("-1", "1e3", "٣", "9" * 400, " 1"):
        headers = [(b"content-length", length.encode()), (b"content-type", b"application/json")]
        assert inside.post("/x/app", headers=headers, content=b"").status_code == 413, length


def test_a_web_socket_is_closed(inside: TestClient) -> None:
    """Hostile input 3: the queue's web socket of earlier versions of Gradio, and any other."""
    for path in ("/queue/join", "/gradio_api/queue/join", "/x/app"):
        with pytest.raises(WebSocketDisconnect), inside.websocket_connect(path):
            pass


# ---- a password

PASSWORD = "correct horse battery"


@pytest.fixture
def locked() -> TestClient:
    return _client(make_keys(PORT, token="the-token", password=PASSWORD), host="0.0.0.0")


def test_with_a_password_no_token_lets_in(locked: TestClient) -> None:
    for token in ("the-token", "", PASSWORD):
        answer = locked.get("/", params={"token": token})
        assert "set-cookie" not in answer.headers and "<input type=password" in answer.text
    assert locked.get("/x/app").status_code == 403


def test_the_password_gives_the_cookie_and_the_keys(locked: TestClient) -> None:
    answer = locked.post("/enter", json={"password": PASSWORD})
    assert answer.status_code == 200 and "HttpOnly" in answer.headers["set-cookie"]
    assert locked.get("/").text == "inside"  # the client keeps the cookie
    assert locked.get("/x/app").status_code == 403
    assert locked.get("/x/app", headers={HEADER: answer.json()["page"]}).text == "inside"
    assert locked.get("/x/0a1b/thumb/1", params={QUERY: answer.json()["pictures"]}).text == "inside"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"password": 3}', b'{"password": ""}', b"\xff", b"[" * 4000]
)
def test_what_is_no_password_stays_outside(locked: TestClient, body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "WRONG_SECONDS", 0.0)
    answer = locked.post("/enter", headers=JSON, content=body)
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


def test_guessing_is_slow_and_soon_over(locked: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert guard.WRONG_SECONDS >= 1
    monkeypatch.setattr(guard, "WRONG_SECONDS", 0.0)
    told = [locked.post("/enter", json={"password": f"guess number {n}"}).status_code for n in range(MOST_WRONG)]
    assert set(told) == {403}
    assert locked.post("/enter", json={"password": PASSWORD}).status_code == 429
    tries = Tries()
    for second in range(MOST_WRONG):
        assert not tries.too_many(float(second), "10.0.0.7")
        tries.wrong(float(second), "10.0.0.7")
    assert tries.too_many(10.0, "10.0.0.7") and tries.too_many(59.0, "10.0.0.7")
    assert not tries.too_many(60.0, "10.0.0.7")


def test_who_guesses_keeps_nobody_else_out() -> None:
    """The wrong passwords of one address count for that one; of one computer's many IPv6 addresses together."""
    tries = Tries()
    for number in range(MOST_WRONG):
        tries.wrong(0.0, "10.0.0.7")
        tries.wrong(0.0, f"2001:db8::{number:x}")
        tries.wrong(0.0, f"127.0.0.{number + 1}")
    assert tries.too_many(1.0, "10.0.0.7") and tries.too_many(1.0, "::ffff:10.0.0.7")
    assert tries.too_many(1.0, "2001:db8::ffff") and not tries.too_many(1.0, "2001:db8:0:1::1")
    assert tries.too_many(1.0, "127.0.0.1") and tries.too_many(1.0, "::1")
    assert not tries.too_many(1.0, "10.0.0.8") and not tries.too_many(60.0, "10.0.0.7")


def test_many_addresses_together_are_slow_and_do_not_keep_the_owner_out() -> None:
    tries = Tries()
    for number in range(MOST_OF_ALL):
        assert not tries.too_many(0.0, f"10.0.1.{number}")
        tries.wrong(0.0, f"10.0.1.{number}")
    assert tries.too_many(1.0, "10.0.2.1"), "whoever comes from the network waits"
    assert not tries.too_many(1.0, "127.0.0.1") and not tries.too_many(1.0, "::1")


def test_another_address_is_asked_while_one_is_kept_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "WRONG_SECONDS", 0.0)
    app = Guard(Starlette(), host="127.0.0.1", port=PORT, keys=make_keys(PORT, password=PASSWORD))
    guesser, owner = (TestClient(app, HOME, client=(who, 50_000)) for who in ("10.0.0.7", "127.0.0.1"))
    for _ in range(MOST_WRONG):
        assert guesser.post("/enter", json={"password": "a wrong one"}).status_code == 403
    assert guesser.post("/enter", json={"password": PASSWORD}).status_code == 429
    assert owner.post("/enter", json={"password": PASSWORD}).status_code == 200


PROXIED = [
    {"x-forwarded-for": "10.0.0.7"},
    {"x-forwarded-for": "127.0.0.1"},
    {"x-forwarded-host": "photos.example"},
    {"x-forwarded-proto": "https"},
    {"x-real-ip": "127.0.0.1"},
    {"forwarded": "for=127.0.0.1"},
    {"via": "1.1 nginx"},
]


@pytest.mark.parametrize("headers", PROXIED, ids=lambda each: next(iter(each)))
def test_what_came_through_a_proxy_needs_the_password(
    outside: TestClient, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hostile input 3: it may come from anywhere, and its address, with the token, may stand in the proxy's log."""
    for path in ("/", "/?token=the-token", "/x/app"):
        answer = outside.get(path, headers=COOKIE | KEY | headers)
        assert answer.status_code == 403 and "set-cookie" not in answer.headers and "inside" not in answer.text
        assert "password" in answer.text
    monkeypatch.setattr(guard, "WRONG_SECONDS", 0.0)
    app = Guard(Starlette(), host="127.0.0.1", port=PORT, keys=make_keys(PORT, password=PASSWORD))
    here = TestClient(app, HOME, client=("127.0.0.1", 50_000))
    for _ in range(MOST_WRONG):
        assert here.post("/enter", json={"password": "a wrong one"}, headers=headers).status_code == 403
    assert here.post("/enter", json={"password": PASSWORD}, headers=headers).status_code == 429
    assert here.post("/enter", json={"password": PASSWORD}).status_code == 200, "who sits here is not kept out"


def test_where_a_request_comes_from() -> None:
    home, asked = f"127.0.0.1:{PORT}", [("host", f"127.0.0.1:{PORT}")]
    assert place_of("127.0.0.1", asked, home) == place_of("::1", asked, f"[::1]:{PORT}") == HERE
    assert place_of("::ffff:127.0.0.1", asked, f"LOCALHOST:{PORT}") == place_of("127.0.0.9", asked, "localhost") == HERE
    assert place_of("10.0.0.7", asked, home) == "10.0.0.7"
    assert place_of("127.0.0.1", asked, f"192.168.1.7:{PORT}") != HERE, "something here has forwarded it"

    def through(*given: str) -> str:
        return place_of("127.0.0.1", [("x-forwarded-for", each) for each in given], home)

    assert HERE not in {through("127.0.0.1"), through("::1"), through(""), through("127.0.0.1, 10.0.0.7")}
    assert through("127.0.0.1, 10.0.0.7") == through("10.0.0.9", "10.0.0.7") == through("10.0.0.7")
    assert through("2001:db8::1") == through("2001:db8::2") != through("2001:db9::1")


def test_many_clients_of_a_proxy_together_are_slow() -> None:
    """Whoever writes another address into each request is held by what all may try together."""
    tries = Tries()
    for number in range(MOST_OF_ALL):
        tries.wrong(0.0, place_of("127.0.0.1", [("x-forwarded-for", f"10.0.{number}.1")], "localhost"))
    assert tries.too_many(1.0, place_of("127.0.0.1", [("x-forwarded-for", "10.9.9.9")], "localhost"))
    assert not tries.too_many(1.0, place_of("127.0.0.1", [], "localhost"))


def test_the_password_is_asked_for_by_our_page_alone(locked: TestClient) -> None:
    """Hostile input 3: no other page tries passwords through the person's browser."""
    right = {"password": PASSWORD}
    assert locked.post("/enter", json=right, headers={"origin": "https://evil.example"}).status_code == 403
    assert locked.post("/enter", json=right, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert locked.post("/enter", data=right).status_code == 415
    assert locked.get("/enter").status_code == 404
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert "<input type=password" in locked.get("/", headers=link).text, "a link in a chat leads to the question"


def test_without_a_password_there_is_nothing_to_ask(outside: TestClient) -> None:
    assert outside.post("/enter", json={"password": ""}).status_code == 404


def test_a_short_password_is_refused() -> None:
    with pytest.raises(InputError, match="too short"):
        make_keys(PORT, password="elevenchars")


@pytest.mark.parametrize(
    "cookie",
    ["nonsense", f"{KEYS.cookie_name}=wrong", f"fact_studio_1={KEYS.cookie}", "a=b; =; ;"],
    ids=["nonsense", "wrong", "of another port", "empty"],  # without the secret: it is another one in each process
)
def test_a_wrong_cookie_stays_outside(outside: TestClient, cookie: str) -> None:
    assert outside.get("/x/app", headers={"cookie": cookie} | KEY).status_code == 403


def test_every_answer_carries_the_policy(inside: TestClient) -> None:
    for answer in (inside.get("/x/app"), inside.get("/docs"), inside.get("/x/app", headers={"host": "evil.example"})):
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in answer.headers


def test_on_all_addresses_numbers_are_served_and_names_are_not() -> None:
    client = _client(KEYS, host="0.0.0.0")
    client.headers.update(COOKIE | KEY)
    assert client.get("/x/app", headers={"host": f"192.168.1.7:{PORT}"}).text == "inside"
    assert client.get("/x/app", headers={"host": f"evil.example:{PORT}"}).status_code == 403
