"""The players and the ledger together, against a small game on a real socket that may lie: whatever it does wrong is found."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator, Callable
from functools import partial

import attrs
import pytest
import trio
import trio.testing

from wyld.bench import arena
from wyld.bench.ledger import Ledger, Verdict
from wyld.bench.load import Load, Seat
from wyld.bench.wires import TelnetWire

ROLES = arena.cast(4, random.Random(3))
ENOUGH = 60
"""Commands that are typed before a run is judged."""

# What becomes of a line that the game says to somebody: the number of the command, its author, the listener, the line.
Mouth = Callable[[int, str, str, str], list[tuple[str, str]]]


def honest(number: int, author: str, to: str, line: str) -> list[tuple[str, str]]:
    return [(to, line)]


def forgetful(number: int, author: str, to: str, line: str) -> list[tuple[str, str]]:
    return [] if number == 20 else [(to, line)]


def deaf_in_one_ear(number: int, author: str, to: str, line: str) -> list[tuple[str, str]]:
    return [] if number >= 20 and to != author else [(to, line)]


def stammering(number: int, author: str, to: str, line: str) -> list[tuple[str, str]]:
    return [(to, line)] * (2 if number == 20 else 1)


def confused(number: int, author: str, to: str, line: str) -> list[tuple[str, str]]:
    neighbour = next(role.name for role in ROLES if role.name != to)
    return [(neighbour if number == 20 and to == author else to, line)]


@attrs.define
class SmallGame:
    """Enough of the arena for telnet players: one hall, and people who do what they are told."""

    mouth: Mouth
    hang_up_at: int = 0
    commands: int = 0
    enough: trio.Event = attrs.field(factory=trio.Event)
    returned: trio.Event = attrs.field(factory=trio.Event)
    _streams: dict[str, trio.SocketStream] = attrs.field(factory=dict)
    _kept: dict[str, list[str]] = attrs.field(factory=lambda: {role.name: [] for role in ROLES})
    """For whom is away."""
    _turn: trio.Lock = attrs.field(factory=trio.Lock)

    async def serve(self, stream: trio.SocketStream) -> None:
        name, pending = "", b""
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for chunk in stream:
                *lines, pending = (pending + chunk).split(b"\r\n")
                for line in lines:
                    verb, _, rest = line.decode().partition(" ")
                    if verb in ("create", "connect"):
                        name = rest.split()[0]
                        self._streams[name] = stream
                    async with self._turn:
                        await self._obey(name, verb, rest)

    async def _obey(self, name: str, verb: str, rest: str) -> None:
        role = next(role for role in ROLES if role.name == name)
        for step in (*arena.entering(role), *arena.returning(role)):
            if step.line == f"{verb} {rest}".strip():
                kept, self._kept[name] = self._kept[name], []
                for line in (f"{step.answer} it is.", *kept):
                    await self._say(name, line)
                if verb == "connect":
                    self.returned.set()
                return
        self.commands += 1
        if self.commands == self.hang_up_at:
            await self._streams[name].aclose()
            return
        for to, line in lines_of(role, verb, rest):
            for whom, said in self.mouth(self.commands, name, to, line):
                await self._say(whom, said)
        if self.commands >= ENOUGH:
            self.enough.set()

    async def _say(self, whom: str, line: str) -> None:
        try:
            await self._streams[whom].send_all(line.encode() + b"\r\n")
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._kept[whom].append(line)


def lines_of(role: arena.Role, verb: str, rest: str) -> list[tuple[str, str]]:
    """What the game has to say about a command, and to whom."""
    me = role.name.capitalize()
    to_all = {"say": ("say, '{}'", "says, '{}'"), "drop": ("put down {}.", "puts down {}.")}
    match verb, rest.split():
        case "tell", [target, *words]:
            said = " ".join(words)
            return [(role.name, f"[tell] You to {target}: {said}"), (target, f"[tell] {me} to you: {said}")]
        case "give", [count, coins, "to", target]:
            others = [
                (mate, f"{me} gives {count} {coins} to {target}.") for mate in role.mates if mate != target
            ]
            mine = (role.name, f"You give {count} {coins} to {target}.")
            return [mine, (target, f"{me} gives you {count} {coins}."), *others]
        case "get", [count, what] if not what.endswith("coins"):
            return [(role.name, f"You see no '{count} {what}' here.")]
    mine_, theirs = to_all.get(verb, ("pick up {}.", "picks up {}."))
    return [
        (role.name, f"You {mine_.format(rest)}"),
        *((mate, f"{me} {theirs.format(rest)}") for mate in role.mates),
    ]


@contextlib.asynccontextmanager
async def running(game: SmallGame, ledger: Ledger, *, drops_expected: bool = False) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, game.serve, 0, host="127.0.0.1"))
        host, port = listeners[0].socket.getsockname()
        seats = [Seat(role, host, port, TelnetWire) for role in ROLES]
        load = Load(seats, ledger, random.Random(1), rate=50, drops_expected=drops_expected)
        await nursery.start(load.run)
        assert load.missing() == []
        load.typing = True
        await game.enough.wait()
        load.typing = False
        yield
        nursery.cancel_scope.cancel()


async def settled(ledger: Ledger) -> None:
    """Until nothing more comes: both ends are in this event loop, so what is on its way makes somebody busy."""
    quiet = 0
    while quiet < 20:
        seen = ledger.seen
        await trio.testing.wait_all_tasks_blocked(0.002)
        quiet = quiet + 1 if ledger.seen == seen else 0


async def judged(game: SmallGame, *, drops_expected: bool = False) -> Verdict:
    """The verdict on a run of a few dozen commands; the coins of this game are nowhere, so they do not count."""
    ledger = Ledger()
    async with running(game, ledger, drops_expected=drops_expected):
        if game.hang_up_at:
            await game.returned.wait()
        await settled(ledger)
    verdict = ledger.judge({})
    assert verdict.sent >= ENOUGH
    return attrs.evolve(verdict, misplaced=0)


async def test_an_honest_game_is_clean() -> None:
    verdict = await judged(SmallGame(honest))

    assert verdict.clean, verdict.findings
    assert verdict.applied == verdict.sent


@pytest.mark.parametrize(
    ("mouth", "count"),
    [
        (forgetful, "lost"),
        (deaf_in_one_ear, "lines_missing"),
        (stammering, "repeated"),
        (confused, "crossed"),
    ],
)
async def test_a_game_that_lies_is_found_out(mouth: Mouth, count: str) -> None:
    verdict = await judged(SmallGame(mouth))

    assert not verdict.clean
    assert getattr(verdict, count) >= 1


@pytest.mark.parametrize("expected", [True, False])
async def test_a_player_whose_connection_ends_comes_back_and_goes_on(expected: bool) -> None:
    verdict = await judged(SmallGame(honest, hang_up_at=20), drops_expected=expected)

    assert verdict.dropped == (0 if expected else 1)
    assert verdict.lost == verdict.lines_missing == 0
    assert verdict.doubtful >= 1


async def test_whoever_does_not_get_in_is_named() -> None:
    async def mute(stream: trio.SocketStream) -> None:
        await stream.send_all(b"Not today.\r\n")
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, mute, 0, host="127.0.0.1"))
        host, port = listeners[0].socket.getsockname()
        load = Load(
            [Seat(ROLES[0], host, port, TelnetWire)], Ledger(), random.Random(1), rate=1, drops_expected=False
        )
        nursery.start_soon(nursery.start, load.run)
        await trio.testing.wait_all_tasks_blocked(0.1)

        assert load.missing() == [f"{ROLES[0].name} saw last: 'Not today.'"]
        nursery.cancel_scope.cancel()
