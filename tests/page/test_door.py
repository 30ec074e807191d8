"""Where the program listens: the port, the password, the certificate; and connections that do not go on."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import uvicorn
from h11._connection import DEFAULT_MAX_INCOMPLETE_EVENT_SIZE
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from app import main
from app.shell import door, entrance, guard, keys, protocol
from app.shell.door import PASSWORD, Door, check_certificate, first_address, greeting, is_own, listen, password_for
from app.shell.guard import Guard
from app.shell.keys import HEADER, make_keys
from fact_core.errors import InputError
from fact_core.folders import data_folder

KEYS = make_keys(7999, token="abc")
LONG = "a good long password"


# ---- the socket and the first address


def test_a_port_that_is_taken_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError):
            listen("127.0.0.1", taken.getsockname()[1])
        assert main.main(["--port", str(taken.getsockname()[1]), "--no-browser"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ") and "--port" in told and "Traceback" not in told


def test_small_answers_leave_at_once() -> None:
    """An accepted connection has TCP_NODELAY, which asyncio sets only where the listening socket is named as TCP."""

    async def accepted() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = listen("127.0.0.1", 0)
        async with await asyncio.start_server(take, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            value = await found
            writer.close()
        return value

    with ThreadPoolExecutor(1) as thread:  # in this one the loop of a browser that others opened may run
        assert thread.submit(asyncio.run, accepted()).result()


@pytest.mark.parametrize(("host", "port"), [("256.1.1.1", 0), ("a\0b", 0), ("127.0.0.1", 70_000), ("127.0.0.1", -1)])
def test_what_cannot_be_listened_on_is_told_in_words(host: str, port: int) -> None:
    with pytest.raises(InputError, match="cannot listen"):
        listen(host, port)


@pytest.mark.parametrize(
    ("asked", "token", "key", "address"),
    [
        (Door("0.0.0.0", 80), "abc", "0a", "http://127.0.0.1:80/?token=abc&p=0a"),
        (Door("localhost", 80), "abc", "", "http://localhost:80/?token=abc"),
        (Door("::1", 81), "", "0a", "http://[::1]:81/?p=0a"),
        (Door("::", 81, "cert.pem"), "", "", "https://127.0.0.1:81/"),
    ],
)
def test_the_first_address_holds_the_token_and_the_project(asked: Door, token: str, key: str, address: str) -> None:
    assert first_address(asked, token, key) == address


def test_the_secret_of_earlier_versions_is_taken_away() -> None:
    data_folder().mkdir(parents=True)
    (data_folder() / "secret").write_bytes(b"s" * 32)
    door.forget_old_secret()
    assert not (data_folder() / "secret").exists()
    door.forget_old_secret()


# ---- who else may come


@pytest.mark.parametrize(("host", "own"), [("127.0.0.1", True), ("localhost", True), ("0.0.0.0", False)])
def test_only_this_computer_or_others_too(host: str, own: bool) -> None:
    with listen(host, 0) as listening:
        assert is_own(listening) is own


def test_where_others_can_come_a_password_is_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hostile input 3: any other address than this computer's demands a password."""
    monkeypatch.delenv(PASSWORD, raising=False)
    assert main.main(["--host", "0.0.0.0", "--port", "0", "--no-browser"]) == 2
    told = capsys.readouterr().err
    assert "no password" in told and PASSWORD in told and "Traceback" not in told
    monkeypatch.setenv(PASSWORD, "too short")
    assert main.main(["--host", "0.0.0.0", "--port", "0", "--no-browser"]) == 2
    assert "at least 12" in capsys.readouterr().err


def test_at_a_terminal_the_password_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSWORD, raising=False)
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    for typed, taken in ((LONG, LONG), ("", " ")):  # nothing typed is a password too, and too short a one
        monkeypatch.setattr(door.getpass, "getpass", lambda prompt, typed=typed: typed)
        with listen("0.0.0.0", 0) as listening:
            assert password_for(listening) == taken
    with listen("127.0.0.1", 0) as listening:
        assert password_for(listening) == ""
    monkeypatch.setenv(PASSWORD, LONG)
    with listen("127.0.0.1", 0) as listening:
        assert password_for(listening) == LONG


def test_what_others_can_read_is_said() -> None:
    assert "abc" in greeting(Door("127.0.0.1", 80), KEYS, "", own=True)
    assert "warning" not in greeting(Door("127.0.0.1", 80), KEYS, "", own=True)
    locked = make_keys(80, password=LONG)
    told = greeting(Door("0.0.0.0", 80), locked, "", own=False)
    assert "token" not in told and LONG not in told and "can read the password" in told and "--certfile" in told
    assert "warning" not in greeting(Door("0.0.0.0", 80, "cert.pem"), locked, "", own=False)


def test_the_limits_are_those_that_are_promised() -> None:
    promised = " ".join((Path(main.__file__).parents[1] / "SECURITY.md").read_text("utf-8").split())
    for words in (
        f"at least {keys.SHORTEST_PASSWORD} characters",
        f"at most {guard.MAX_BODY // 10**6} MB ({guard.MAX_IMPORT // 10**6} MB for a file of labels)",
        f"an address {guard.MAX_ADDRESS // 1024} kB, a head {DEFAULT_MAX_INCOMPLETE_EVENT_SIZE // 1024} kB",
        f"A head has {protocol.HEAD_SECONDS:.0f} s",
        f"pause for {protocol.STALL_SECONDS:.0f} s and take {protocol.BODY_SECONDS:.0f} s",
        f"At most {protocol.MOST_CONNECTIONS} connections",
    ):
        assert words in promised, words
    limits = (entrance.MOST_WRONG, entrance.MOST_OF_ALL, entrance.WITHIN)
    assert limits == (10, 100, 60)
    assert "Of each address ten wrong passwords a minute are looked at, of all together a hundred" in promised


# ---- https


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    tool = shutil.which("openssl")
    if tool is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("certificate")
    cert, key = folder / "cert.pem", folder / "key.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run(
        [tool, "req", *kind, *names, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True
    )
    return cert, key


def test_a_certificate_that_cannot_be_used_is_told_in_words(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    cert, key = map(str, certificate)
    other = tmp_path / "other.pem"
    other.write_text("no certificate")
    check_certificate(Door("127.0.0.1", 0, cert, key))
    check_certificate(Door("127.0.0.1", 0))
    wrong = [(cert, ""), (cert, str(other)), (str(other), key), (str(tmp_path / "none"), key), ("a\0b", key)]
    for files in [*wrong, ("", key), (str(tmp_path), "")]:
        with pytest.raises(InputError) as told:
            check_certificate(Door("127.0.0.1", 0, *files))
        assert "Traceback" not in str(told.value)
    assert main.main(["--port", "0", "--no-browser", "--certfile", str(other)]) == 2


def test_a_key_with_a_passphrase_asks_nothing(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    cert, key = certificate
    sealed = tmp_path / "sealed.pem"
    tool = str(shutil.which("openssl"))
    command = [tool, "pkcs8", "-topk8", "-in", str(key), "-out", str(sealed), "-passout", "pass:secret"]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(InputError, match="without a passphrase"):
        check_certificate(Door("127.0.0.1", 0, str(cert), str(sealed)))


# ---- connections, as uvicorn serves them here


async def _echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())) + "y" * int(request.query_params.get("long", "0")))


@contextmanager
def serving(asked: Door) -> Iterator[int]:
    """The port of a server behind the guard, as ``main.serve`` makes it."""
    inner = Starlette(routes=[Route("/{rest:path}", _echo, methods=["GET", "POST"])])
    with listen(asked.host, 0) as listening:
        port = listening.getsockname()[1]
        app = Guard(inner, host=asked.host, port=port, keys=KEYS, https=asked.https)
        server = uvicorn.Server(main.uvicorn_config(app, asked))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield port
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Connections may stall for fractions of a second here."""
    for name, seconds in (("HEAD_SECONDS", 0.4), ("STALL_SECONDS", 0.4), ("BODY_SECONDS", 1.5)):
        monkeypatch.setattr(protocol, name, seconds)
    with serving(Door("127.0.0.1", 0)) as found:
        yield found


def head(port: int, length: int, path: str = "/x/a", more: str = "") -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Cookie: {KEYS.cookie_name}={KEYS.cookie}"]
    lines += [f"{HEADER}: {KEYS.page}", "Content-Type: application/json", f"Content-Length: {length}"]
    return ("\r\n".join(lines) + f"\r\n{more}\r\n").encode()


def seconds_until_closed(sock: socket.socket) -> float:
    """How long until the other side ends the connection; what it says before is read away."""
    began = time.monotonic()
    sock.settimeout(20)
    try:
        while sock.recv(65536):
            pass
    except ConnectionError:
        pass
    return time.monotonic() - began


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"POST /x/a HTTP/1.1\r\nHost: a\r\n"])
def test_who_sends_no_whole_head_is_let_go(port: int, said: bytes) -> None:
    with closing(socket.create_connection(("127.0.0.1", port))) as sock:
        sock.sendall(said)
        assert 0.2 < seconds_until_closed(sock) < 5


def test_a_head_that_drips_is_let_go(port: int) -> None:
    """Each byte comes in time, the whole does not."""
    with closing(socket.create_connection(("127.0.0.1", port))) as sock:
        began = time.monotonic()
        with pytest.raises(OSError):
            for byte in b"GET /x/a HTTP/1.1\r\nX: " + b"y" * 200:
                sock.sendall(bytes([byte]))
                time.sleep(0.05)
        assert time.monotonic() - began < 5


def test_a_body_that_stalls_or_drips_is_let_go(port: int) -> None:
    with closing(socket.create_connection(("127.0.0.1", port))) as sock:
        sock.sendall(head(port, 1000) + b"[1,")
        assert 0.2 < seconds_until_closed(sock) < 5
    with closing(socket.create_connection(("127.0.0.1", port))) as sock:
        sock.sendall(head(port, 1000))
        began = time.monotonic()
        with pytest.raises(OSError):
            for _ in range(200):
                sock.sendall(b"1")
                time.sleep(0.05)
        assert 1 < time.monotonic() - began < 6


def test_a_slow_body_that_goes_on_arrives(port: int) -> None:
    with closing(socket.create_connection(("127.0.0.1", port))) as sock:
        sock.sendall(head(port, 4))
        for _ in range(4):
            time.sleep(0.2)
            sock.sendall(b"1")
        sock.settimeout(10)
        assert b"200 OK" in sock.recv(65536)


def test_who_reads_nothing_of_an_answer_is_let_go(port: int) -> None:
    with closing(socket.create_connection(("127.0.0.1", port))) as sock:
        sock.sendall(head(port, 2, "/x/a?long=30000000") + b"[]")
        time.sleep(1.5)
        sock.settimeout(20)
        got = 0
        try:
            while chunk := sock.recv(1 << 20):
                got += len(chunk)
        except ConnectionError:
            pass
        assert got < 30_000_000


def test_a_connection_is_used_again_and_then_closed(port: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as client:
        for number in range(3):
            body = json.dumps("x" * number)
            client.request("POST", "/x/a", body, headers=_ours())
            assert client.getresponse().read() == str(len(body)).encode()
            time.sleep(0.1)
        assert 0.2 < seconds_until_closed(client.sock) < 8


def _ours() -> dict[str, str]:
    return {
        "Cookie": f"{KEYS.cookie_name}={KEYS.cookie}",
        HEADER: KEYS.page,
        "Content-Type": "application/json",
    }


def test_a_large_head_and_a_large_body_are_refused(port: int) -> None:
    with closing(socket.create_connection(("127.0.0.1", port))) as sock:
        sock.settimeout(10)
        try:
            sock.sendall(head(port, 2, more="X-Long: " + "y" * 100_000 + "\r\n"))
            told = sock.recv(65536)
        except ConnectionError:
            told = b""
        assert not told or b" 400 " in told
    with closing(socket.create_connection(("127.0.0.1", port))) as sock:
        sock.settimeout(10)
        sock.sendall(head(port, 30_000_000))
        assert b" 413 " in sock.recv(65536), "it is refused before it has come"


def test_too_many_connections_are_closed_and_the_page_still_answers(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 5)
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 3.0)
    crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
    try:
        time.sleep(0.3)
        assert max(seconds_until_closed(each) for each in crowd[5:]) < 1
        assert seconds_until_closed(crowd[0]) > 1
    finally:
        for each in crowd:
            each.close()
    time.sleep(0.3)
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as client:
        client.request("POST", "/x/a", "[]", headers=_ours())
        assert client.getresponse().status == 200


def test_https_is_served_and_http_is_not_understood_there(certificate: tuple[Path, Path]) -> None:
    cert, key = map(str, certificate)
    with serving(Door("127.0.0.1", 0, cert, key)) as port:
        trusted = ssl.create_default_context(cafile=cert)
        with closing(http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=trusted)) as client:
            client.request("POST", "/x/a", "[]", headers=_ours() | {"Origin": f"https://127.0.0.1:{port}"})
            assert client.getresponse().read() == b"2"
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as plain:
            with pytest.raises((http.client.HTTPException, OSError)):
                plain.request("GET", "/")
                plain.getresponse()


@pytest.mark.slow
def test_a_server_for_others_lets_in_by_its_password(tmp_path: Path) -> None:
    """Hostile input 3: the program itself on every address."""
    from tests.page.browser_help import Served

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, PASSWORD, LONG)
        served = Served(tmp_path / "started", "--host", "0.0.0.0")
    try:
        assert "can read the password" in served.told() and "token" not in served.told()
        with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)) as client:
            client.request("POST", "/enter", json.dumps({"password": LONG}), {"Content-Type": "application/json"})
            answer = client.getresponse()
            given = json.loads(answer.read())
            cookie = str(answer.headers["set-cookie"]).partition(";")[0]
            for headers, status in (
                ({}, 403),
                ({"Cookie": cookie}, 403),
                ({"X-Forwarded-For": "127.0.0.1"}, 403),
                ({"Cookie": cookie, HEADER: given["page"]}, 200),
            ):
                client.request("GET", "/x/app", headers=headers)
                answer = client.getresponse()
                answer.read()
                assert answer.status == status
    finally:
        served.end()
