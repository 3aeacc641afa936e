"""What one client's scripts asked to be told of the game, over GMCP or over MSDP, and what they have been told.

A client subscribes by listing packages (GMCP, Core.Supports) or variables (MSDP, REPORT). It then hears what it
listed: at once what is known, later what changes, and nothing else. A client that listed anything in GMCP gets
nothing reported over MSDP, or its scripts would see each change twice.

The last state of each kind is kept here although nobody may have asked yet, because a client may list its
packages behind the login that it typed ahead.

Everything comes out as telnet bytes, complete. Pure; not for concurrent use. Hostile messages raise nothing: what
makes no sense has no effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from wyld_gateway import outofband
from wyld_gateway.outofband import StateKey
from wyld_gateway.telnet.constants import OptionCode
from wyld_gateway.telnet.encode import subnegotiation
from wyld_gateway.telnet.events import GmcpMessage, MsdpMessage, MsdpValue
from wyld_gateway.telnet.options.gmcp import covers, encode_message, read_packages
from wyld_gateway.telnet.options.msdp import encode_pairs
from wyld_rpc.messages import EntityStateUpdate, GameOutput

MAX_PING: Final = 2**31
"""The largest number that a Core.Ping gets back."""

_LOCATIONS: Final = {"char.items.inv": "inv", "char.items.room": "room"}
"""Which list of things each question of a client is about."""

_SERVER_ID: Final = "SERVER_ID"
_VARIABLES: Final = (_SERVER_ID, *outofband.STATE_OF_VARIABLE)


class Subscriptions:
    """Those of one connection.

    Attributes:
        packages: What the client listed in GMCP, in lower case.
        wanted_outputs: The messages that the client wants with outputs; part of what makes two clients equal to whoever
            renders.
    """

    __slots__ = ("_reported", "_server_name", "_states", "packages", "wanted_outputs")

    def __init__(self, server_name: str) -> None:
        """`server_name` is what MSDP calls SERVER_ID."""
        self.packages: frozenset[str] = frozenset()
        self.wanted_outputs: tuple[str, ...] = ()
        self._states: dict[StateKey, EntityStateUpdate] = {}
        self._server_name = server_name
        self._reported: dict[str, None] = {}

    # What the game says.

    def state(self, update: EntityStateUpdate) -> bytes:
        """What a new state means to this client's scripts; empty where they did not ask, or nothing changed."""
        key = outofband.key_of(update)
        if key not in outofband.TABLE:
            return b""
        known, self._states[key] = self._states.get(key), update
        if self.packages:
            messages = outofband.gmcp_messages(known.data if known else None, update)
            return _gmcp([message for message in messages if covers(self.packages, message[0])])
        if self._reported:
            before = outofband.msdp_variables(known) if known else {}
            return _msdp(
                [
                    (name, value)
                    for name, value in outofband.msdp_variables(update).items()
                    if name in self._reported and before.get(name) != value
                ]
            )
        return b""

    def output(self, output: GameOutput) -> bytes:
        """What goes with an output, behind its text. The same for every client with equal `wanted_outputs`."""
        if not self.wanted_outputs:
            return b""
        message = outofband.of_output(output)
        return _gmcp([message]) if message is not None and message[0] in self.wanted_outputs else b""

    # What the client says.

    def gmcp(self, message: GmcpMessage) -> bytes:
        """The answer to a message of the client; empty for those that have none."""
        match message.name:
            case "core.supports.set":
                return self._list(read_packages(message.data))
            case "core.supports.add":
                return self._list(self.packages | read_packages(message.data))
            case "core.supports.remove":
                return self._list(self.packages - read_packages(message.data))
            case "core.ping":
                return _gmcp([("Core.Ping", _ping(message.data))])
            case name if name in _LOCATIONS:
                return self._items(_LOCATIONS[name])
        return b""

    def end(self, option: int) -> None:
        """The client switched GMCP or MSDP off, and with it what it had asked for."""
        if option == OptionCode.GMCP:
            self.packages, self.wanted_outputs = frozenset(), ()
        else:
            self._reported.clear()

    def _list(self, packages: frozenset[str]) -> bytes:
        """From now on the client wants these; it is told what it did not want before."""
        before, self.packages = self.packages, packages
        self.wanted_outputs = tuple([name for name in outofband.OF_OUTPUTS if covers(packages, name)])
        return _gmcp(
            [
                message
                for message in self._everything()
                if covers(packages, message[0]) and not covers(before, message[0])
            ]
        )

    def _items(self, location: str) -> bytes:
        return _gmcp(
            [
                message
                for message in self._everything()
                if message[0] == "Char.Items.List"
                and message[1]["location"] == location
                and covers(self.packages, message[0])
            ]
        )

    def _everything(self) -> Iterator[outofband.GmcpData]:
        """All that is known, as for a client that knows nothing."""
        for key in outofband.TABLE:
            if key in self._states:
                yield from outofband.gmcp_messages(None, self._states[key])

    def msdp(self, message: MsdpMessage) -> bytes:
        """The answer to commands of the client. However often one message asks for something, it is said once."""
        answers: dict[str, MsdpValue] = {}
        for command, arguments in message.pairs:
            answers |= self._run(command.upper(), [name.upper() for name in _texts(arguments)])
        return _msdp(answers.items())

    def _run(self, command: str, names: Sequence[str]) -> Mapping[str, MsdpValue]:
        match command:
            case "LIST":
                lists = self._lists()
                return {name: lists[name] for name in names if name in lists}
            case "REPORT":
                self._reported |= dict.fromkeys([name for name in names if name in _VARIABLES])
                return self._values(names)
            case "SEND":
                return self._values(names)
            case "UNREPORT":
                for name in names:
                    self._reported.pop(name, None)
            case "RESET" if {"REPORTABLE_VARIABLES", "REPORTED_VARIABLES"}.intersection(names):
                self._reported.clear()
        return {}

    def _lists(self) -> Mapping[str, Sequence[str]]:
        lists = {
            "COMMANDS": ("LIST", "REPORT", "UNREPORT", "SEND", "RESET"),
            "CONFIGURABLE_VARIABLES": (),
            "REPORTABLE_VARIABLES": _VARIABLES,
            "REPORTED_VARIABLES": tuple(self._reported),
            "SENDABLE_VARIABLES": _VARIABLES,
        }
        return {**lists, "LISTS": ("LISTS", *lists)}

    def _values(self, names: Iterable[str]) -> Mapping[str, MsdpValue]:
        """What is known of these variables."""
        values: dict[str, MsdpValue] = {}
        for name in names:
            key = outofband.STATE_OF_VARIABLE.get(name)
            if name == _SERVER_ID:
                values[name] = self._server_name
            elif key in self._states:
                variables = outofband.msdp_variables(self._states[key])
                values |= {name: variables[name]} if name in variables else {}
        return values


def _texts(value: MsdpValue) -> list[str]:
    """The arguments of a command, which are one text or an array of them."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _ping(data: Any) -> int | None:
    return data if type(data) is int and 0 <= data <= MAX_PING else None


def _gmcp(messages: Iterable[outofband.GmcpData]) -> bytes:
    return b"".join([subnegotiation(OptionCode.GMCP, encode_message(name, data)) for name, data in messages])


def _msdp(pairs: Iterable[tuple[str, MsdpValue]]) -> bytes:
    pairs = list(pairs)
    return subnegotiation(OptionCode.MSDP, encode_pairs(pairs)) if pairs else b""
