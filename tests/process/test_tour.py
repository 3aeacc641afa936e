"""A walk through the starter area on which everything that the world can say is said, to a telnet client and to a browser's.

The classes of `wyld_rpc.messages` promise six kinds of output and six of state. Each is produced by something that a player can do,
and arrives in the form that its kind of client understands; a class that nothing produces would fail here.
"""

from __future__ import annotations

import pytest
from doubles.players import Player, TelnetPlayer, WebPlayer, telnet_player, web_player
from wyld_process import WyldProcess, data_folder, open_wyld

pytestmark = pytest.mark.process

OUTPUTS = {"text", "formatted", "structured", "room", "combat", "system"}
STATES = {"stats", "position", "inventory", "equipment", "status_effects", "custom"}

# What is typed, and words of the answer. The walk leads from the quay to the chandlery, the square with its well and the yard.
TOUR = (
    ("look gulls", "divided the bollards"),  # plain text
    ("who", "is here now|are here now"),  # structured
    ("flumble", "(?i)flumble"),  # system: the server itself
    ("open chandlery door", "(?i)door"),
    ("northeast", "Brannock's Chandlery"),  # a room
    ("get {wearable}", "You pick up"),  # the inventory changes
    ("wear {wearable}", "You (put on|wear)"),  # the equipment changes
    ("southwest", "The Long Quay"),
    ("north", "Ropewalk Lane"),
    ("north", "Well Square"),
    ("wash", "dripping wet"),  # a status effect
    ("read board", "FOUND, on the beach"),  # formatted
    ("southeast", "The Practice Yard"),
    ("hit dummy", "(?i)strike|strikes|lies on its back"),  # combat
)


async def walk(player: Player, name: str, wearable: str) -> None:
    await player.sees("Account: ")
    await player.type(f"create {name.lower()} a-lantern-in-the-fog")
    await player.sees("no character yet")
    await player.type(f"new {name} quick")
    await player.sees(f"{name} is ready")
    await player.type(f"play {name}")
    await player.sees("You wake in .*\n+The Long Quay")
    for line, answer in TOUR:
        await player.type(line.format(wearable=wearable))
        await player.sees(answer)


async def tour(wyld: WyldProcess) -> tuple[TelnetPlayer, WebPlayer]:
    async with (
        telnet_player("127.0.0.1", wyld.port("telnet"), gmcp=True) as ann,
        web_player("127.0.0.1", wyld.port("web")) as ben,
    ):
        await walk(ann, "Ann", "oilskin")
        await walk(ben, "Ben", "hat")
        return ann, ben


async def test_everything_that_the_world_can_say_reaches_both_kinds_of_client(database_url: str) -> None:
    with data_folder() as data:
        options = ("--no-reload", "--telnet", "127.0.0.1:0", "--web", "127.0.0.1:0")
        async with open_wyld("up", "--data", str(data), "--database", database_url, *options) as wyld:
            await wyld.ready()
            ann, ben = await tour(wyld)

    assert {message["k"] for message in ben.messages if message["t"] == "out"} == OUTPUTS
    assert {message["k"] for message in ben.messages if message["t"] == "state"} >= STATES
    assert {"Char.Vitals", "Char.Items.List", "Room.Info", "Char.Status"} <= set(ann.gmcp_messages)
