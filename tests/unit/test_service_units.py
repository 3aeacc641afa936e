import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyld_service.units import Address, Duration, Size, UnixAddress, parse_socket_address


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("90s", 90), ("15m", 900), ("1.5h", 5400), ("7d", 604800), (" 5 s ", 5), ("0s", 0)],
)
def test_a_duration_is_a_number_with_a_unit(text: str, seconds: float) -> None:
    assert Duration.parse(text) == seconds


@pytest.mark.parametrize(
    "bad", ["15", "15 minutes", "-1s", "m", "", "1e3s", "inf s", 15, 1.5, None, True, [], "1s\n2"]
)
def test_a_duration_without_a_known_unit_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="ms, s, m, h or d"):
        Duration.parse(bad)


@pytest.mark.parametrize(
    ("text", "count"), [("512B", 512), ("4KiB", 4096), ("1.5MiB", 1572864), ("1GiB", 2**30)]
)
def test_a_size_is_a_number_with_a_unit(text: str, count: int) -> None:
    assert Size.parse(text) == count


@pytest.mark.parametrize("bad", ["4", "4KB", "4kib", "0.3B", "-1B", "", 4096, None])
def test_a_size_that_is_no_whole_number_of_bytes_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="B, KiB, MiB or GiB"):
        Size.parse(bad)


@given(st.integers(0, 10**12))
def test_a_duration_prints_as_what_it_is_read_from(milliseconds: int) -> None:
    duration = Duration(milliseconds / 1000)

    assert Duration.parse(f"{milliseconds}ms") == duration
    assert Duration.parse(str(duration)) == duration


@given(st.integers(0, 2**45))
def test_a_size_prints_as_what_it_is_read_from(count: int) -> None:
    assert Size.parse(str(Size(count))) == count


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:4000", "127.0.0.1", 4000),
        ("[::]:4000", "::", 4000),
        ("[fe80::1]:0", "fe80::1", 0),
        ("world:4010", "world", 4010),
        (" localhost:65535 ", "localhost", 65535),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, host: str, port: int) -> None:
    assert parse_socket_address(text) == Address(host, port)
    assert str(Address(host, port)) == text.strip()


_NO_PORT = ("4000", ":4000", "a:", "a:65536", "a:-1", "a:٤", "[::1]", 4000, None, "")
_NO_HOST = ("::1:4000", "[a]:1", "[::z]:1", "[]:1", "a b:1", "a\n:1", "x" * 300 + ":1")


@pytest.mark.parametrize("bad", _NO_PORT + _NO_HOST)
def test_an_address_without_host_or_port_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="ADDR:PORT"):
        Address.parse(bad)


def test_a_unix_address_is_an_absolute_path_that_the_system_can_hold() -> None:
    assert parse_socket_address("unix:/run/wyld/link") == UnixAddress("/run/wyld/link")
    assert str(UnixAddress("/run/wyld/link")) == "unix:/run/wyld/link"

    for bad in ("unix:", "unix:link", "unix:/" + "x" * 107, "unix:/a\0b"):
        with pytest.raises(ValueError, match="absolute path"):
            parse_socket_address(bad)
    with pytest.raises(ValueError, match="absolute path"):
        UnixAddress.parse(None)
