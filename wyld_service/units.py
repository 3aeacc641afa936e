"""The types of setting values: a unit stands in the value (`"15m"`, `"512KiB"`), never in a comment.  (pure)

Each type has `parse`, which takes what TOML or an environment variable gives and raises `ValueError` with a phrase
that completes "it must be ..."; `str()` of a value is a text that `parse` accepts again.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

import attrs

_NUMBER_AND_UNIT: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Za-z]*)")

_MILLISECONDS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_BYTES: Final = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}

_MAX_UNIX_PATH: Final = 107
"""Bytes of a socket path; Linux's `sockaddr_un` holds 108 with the final NUL."""


def _number_and_unit(value: object) -> tuple[float, str]:
    if isinstance(value, str) and (match := _NUMBER_AND_UNIT.fullmatch(value.strip())):
        return float(match[1]), match[2]
    raise ValueError


class Duration(float):
    """Seconds. Written as a number and a unit: `"250ms"`, `"90s"`, `"15m"`, `"1h"`, `"7d"`. Prints whole milliseconds."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> Duration:
        try:
            number, unit = _number_and_unit(value)
            return cls(number * _MILLISECONDS[unit] / 1000)
        except (ValueError, KeyError):
            raise ValueError('a number with a unit of ms, s, m, h or d, such as "15m"') from None

    def __str__(self) -> str:
        milliseconds = round(self * 1000)
        unit = next(
            (u for u in ("d", "h", "m", "s") if milliseconds and milliseconds % _MILLISECONDS[u] == 0), "ms"
        )
        return f"{milliseconds // _MILLISECONDS[unit]}{unit}"

    __repr__ = __str__


class Size(int):
    """Bytes. Written as a number and a unit: `"512B"`, `"64KiB"`, `"16MiB"`, `"1GiB"`."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> Size:
        try:
            number, unit = _number_and_unit(value)
            size = number * _BYTES[unit]
            if not size.is_integer():
                raise ValueError
            return cls(int(size))
        except (ValueError, KeyError):
            raise ValueError('a number with a unit of B, KiB, MiB or GiB, such as "64KiB"') from None

    def __str__(self) -> str:
        unit = next((u for u in ("GiB", "MiB", "KiB") if self and self % _BYTES[u] == 0), "B")
        return f"{self // _BYTES[unit]}{unit}"

    __repr__ = __str__


@attrs.frozen
class Address:
    """A TCP address: a host name or IP address and a port; port 0 lets the system choose a free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, value: object) -> Address:
        """From `"ADDR:PORT"`; an IPv6 address stands in brackets: `"[::1]:4000"`."""
        wanted = ValueError('"ADDR:PORT" such as "127.0.0.1:4000" or "[::1]:4000"')
        if not isinstance(value, str):
            raise wanted
        host, colon, port = value.strip().rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        host = host[1:-1] if bracketed else host
        if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
            raise wanted
        if not re.fullmatch(r"[0-9A-Za-z._%:-]{1,253}", host) or bracketed != (":" in host):
            raise wanted
        if bracketed:
            try:
                ipaddress.IPv6Address(host)
            except ValueError:
                raise wanted from None
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@attrs.frozen
class UnixAddress:
    """The path of a Unix socket, at most 107 bytes as the operating system demands."""

    path: str

    @classmethod
    def parse(cls, value: object) -> UnixAddress:
        """From `"unix:/absolute/path"`."""
        path = value.strip().removeprefix("unix:") if isinstance(value, str) else ""
        if not path.startswith("/") or "\0" in path or len(path.encode()) > _MAX_UNIX_PATH:
            raise ValueError(f'"unix:/path" with an absolute path of at most {_MAX_UNIX_PATH} bytes')
        return cls(path)

    def __str__(self) -> str:
        return f"unix:{self.path}"


SocketAddress = Address | UnixAddress


def parse_socket_address(value: object) -> SocketAddress:
    """An `Address` or, where the text begins with `unix:`, a `UnixAddress`.

    Raises:
        ValueError: As their `parse`.
    """
    if isinstance(value, str) and value.strip().startswith("unix:"):
        return UnixAddress.parse(value)
    return Address.parse(value)
