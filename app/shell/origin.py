"""Where a request comes from: this computer, the network, or through a proxy that hides it.

A proxy on this computer connects from 127.0.0.1, whoever asked it. What it says of itself in a header shows that it is
there; who asked it, its headers may say, and whoever asked may have written them. So such a request is never taken for
one of this computer. A forwarder that says nothing, like ``ssh -L`` or ``socat``, looks like this computer.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

#: Stands for all addresses of this computer itself.
HERE = "this computer"
#: Headers that proxies add, and no browser.
PROXY = ("forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip", "x-forwarded")
_FORWARDED_FOR = ("x-forwarded-for", "x-real-ip")


def through_proxy(headers: Iterable[tuple[str, str]]) -> bool:
    """Whether a proxy has passed the request on. headers: names in lower case."""
    return any(name in PROXY or name.startswith("x-forwarded-") for name, _ in headers)


def place_of(client: str, headers: Sequence[tuple[str, str]], host: str) -> str:
    """Whose tries are counted together. client: the address that is connected; host: the one that was asked for.

    This computer is only who connects from it, to a name of it, and without a proxy. Of a proxy's clients the one is
    meant that the proxy itself has written down, at the end of the list.
    """
    place = network_of(client)
    if through_proxy(headers):
        given = [value for name, value in headers if name in _FORWARDED_FOR]
        last = given[-1].rpartition(",")[2].strip() if given else ""
        return f"{place}, for {network_of(last) if last else 'anybody'}"
    return f"{place}, as {host}" if place == HERE and not _is_here(host) else place


def network_of(address: str) -> str:
    """This computer, a network of IPv6 (one computer has all of it), an address, or the text itself."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            network = ipaddress.ip_network((found, 64), strict=False)
            return HERE if found.is_loopback else str(network)
        found = found.ipv4_mapped
    return HERE if found.is_loopback else str(found)


def _is_here(host: str) -> bool:
    """Whether the value of Host is a name of this computer for itself."""
    name = host.lower()
    name = name.rpartition(":")[0] if not name.endswith("]") and ":" in name else name
    return name == "localhost" or network_of(name.strip("[]")) == HERE
