"""Where the program listens and how one gets there: the socket, the password, the certificate, the first address."""

from __future__ import annotations

import getpass
import ipaddress
import os
import socket
import ssl
import sys
from dataclasses import dataclass
from pathlib import Path

from app.shell.keys import SHORTEST_PASSWORD, Keys
from fact_core.errors import InputError, storage_error
from fact_core.folders import data_folder

PASSWORD = "FACT_STUDIO_PASSWORD"

READABLE = (
    "warning: This is http: whoever is on the way (on a network of others: everybody) can read the password, the "
    "images and the labels. Serve https with --certfile and --keyfile, or keep 127.0.0.1 and come by ssh: "
    "ssh -L {port}:127.0.0.1:{port} THIS_COMPUTER"
)


@dataclass(frozen=True)
class Door:
    """What was asked for. certfile, keyfile: of https; "" for http. The key may stand in the certificate's file."""

    host: str
    port: int
    certfile: str = ""
    keyfile: str = ""

    @property
    def https(self) -> bool:
        """Whether it is encrypted."""
        return bool(self.certfile)


def listen(host: str, port: int) -> socket.socket:
    """The socket to serve on. InputError when the port is taken or the address is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP: asyncio only then sends small answers at once. Else each waits 40 ms for the browser (Nagle).
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # On Windows REUSEADDR would let any other program take the port beside us.
    only = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
    sock.setsockopt(socket.SOL_SOCKET, only, 1)
    try:
        sock.bind((host.strip("[]"), port))
        sock.listen(128)  # from here on a browser may come: it waits until the server takes its call
    except (OSError, OverflowError, ValueError, TypeError) as error:  # NUL in it is a TypeError
        sock.close()
        raise InputError(f"The program cannot listen on {host}:{port}", str(error), "Choose another --port.") from error
    return sock


def password_for(listening: socket.socket) -> str:
    """The password from the environment, or asked for where others can come; "" where only this computer can.

    InputError where others can come and there is nobody to ask.
    """
    given = os.environ.get(PASSWORD, "")
    if given or is_own(listening):
        return given
    if not (sys.stdin and sys.stdin.isatty()):
        raise InputError(
            "On this address others can reach the program, and it has no password",
            listening.getsockname()[0],
            f"Set {PASSWORD} (at least {SHORTEST_PASSWORD} characters), or leave --host out: then only this computer "
            "can reach it.",
        )
    return getpass.getpass(f"Others can reach this address. A password for it (at least {SHORTEST_PASSWORD}): ") or " "


def is_own(listening: socket.socket) -> bool:
    """Whether only this computer can reach the socket."""
    return ipaddress.ip_address(listening.getsockname()[0].partition("%")[0]).is_loopback


def check_certificate(door: Door) -> None:
    """InputError when the certificate and its key cannot be used."""
    if not door.certfile:
        if door.keyfile:
            raise InputError("--keyfile needs --certfile", door.keyfile)
        return
    try:
        # A key with a passphrase would be asked for in the middle of the start: "" is never right.
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            door.certfile, door.keyfile or None, lambda: ""
        )
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        files = " and ".join(filter(None, (door.certfile, door.keyfile)))
        raise InputError(
            "The certificate cannot be used",
            f"{files}: {getattr(error, 'strerror', None) or error}",
            "Both are PEM files, the key without a passphrase.",
        ) from error


def first_address(door: Door, token: str, key: str) -> str:
    """The address to open first; with a token it lets a browser in."""
    name = "127.0.0.1" if door.host in ("", "0.0.0.0", "::", "[::]") else door.host
    name = f"[{name}]" if ":" in name and not name.startswith("[") else name
    query = "&".join(f"{part}={value}" for part, value in (("token", token), ("p", key)) if value)
    return f"{'https' if door.https else 'http'}://{name}:{door.port}/" + (f"?{query}" if query else "")


def greeting(door: Door, keys: Keys, key: str, own: bool) -> str:
    """What is printed when the program is ready. ``own``: only this computer can reach it."""
    lines = [
        "FACT Studio is ready. Open this address in a browser (Ctrl+C ends the program):",
        f"    {first_address(door, keys.token, key)}",
    ]
    if keys.password:
        lines.append("It asks for the password.")
    if not own and not door.https:
        lines.append(READABLE.format(port=door.port))
    return "\n\n".join(lines) + "\n"


def forget_old_secret() -> None:
    """Earlier versions kept a secret on the disk, from which an open page's cookie followed. It opens nothing now."""
    try:
        (data_folder() / "secret").unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, "taking away the secret of an earlier version") from error


def home_folder() -> Path:
    """The folder for projects and logs, made where it is missing."""
    folder = data_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, "making the folder for projects") from error
    return folder
