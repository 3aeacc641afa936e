"""What a client's scripts ask for, and that they hear that and nothing else."""

from __future__ import annotations

import json

import pytest
from telnet_feeding import IAC, SB, SE

from wyld_gateway import outofband
from wyld_gateway.telnet.events import GmcpMessage, MsdpMessage
from wyld_gateway.telnet.options.msdp import decode_pairs
from wyld_gateway.telnet.subscriptions import MAX_PING, Subscriptions
from wyld_rpc.messages import ROOM, EntityStateUpdate, StateUpdateType, Structured, Text

GMCP, MSDP = b"\xc9", b"\x45"


def parts(data, option):
    """The bodies of the subnegotiations of `option` in `data`, which holds nothing else."""
    if not data:
        return []
    assert data.startswith(IAC + SB + option)
    assert data.endswith(IAC + SE)
    return data[3:-2].split(IAC + SE + IAC + SB + option)


def gmcp(data):
    pairs = [body.decode().partition(" ") for body in parts(data, GMCP)]
    return [(name, json.loads(text) if text else None) for name, _, text in pairs]


def names(data):
    return [name for name, _ in gmcp(data)]


def msdp(data):
    return dict(pair for body in parts(data, MSDP) for pair in decode_pairs(body))


def vitals(hp):
    return EntityStateUpdate(StateUpdateType.STATS, {"name": "Ann", "hp": hp, "maxhp": 9})


def inventory(*items):
    data = {"items": [{"id": name, "name": name, "count": 1} for name in items]}
    return EntityStateUpdate(StateUpdateType.INVENTORY, data)


AROUND = EntityStateUpdate(
    StateUpdateType.CUSTOM,
    {"room": "a.b", "crowded": False, "players": ["Ann"], "items": [{"id": "1", "name": "a hat"}]},
    ROOM,
)
OOC, SAY = Text("[ooc] Ann: hi", "ooc", "Ann"), Text("It rains.")
WHO = Structured("who", {"players": [{"name": "Ann"}]}, "Ann is here.")


@pytest.fixture
def client():
    return Subscriptions("The Harbour")


def listing(client, *packages, how="set"):
    return client.gmcp(GmcpMessage(f"core.supports.{how}", [f"{package} 1" for package in packages]))


def command(client, *pairs):
    return client.msdp(MsdpMessage(pairs))


# GMCP.


def test_client_that_listed_nothing_hears_nothing(client):
    assert client.state(vitals(9)) == b""
    assert client.output(OOC) == b""
    assert client.wanted_outputs == ()


def test_client_hears_what_it_listed_and_nothing_else(client):
    listing(client, "Char.Vitals", "Room")

    assert names(client.state(vitals(9))) == ["Char.Vitals"]
    assert client.state(inventory("a hat")) == b""
    assert names(client.state(AROUND)) == ["Room.Players"]
    assert client.output(OOC) == b""


def test_state_that_did_not_change_is_not_told_again(client):
    listing(client, "Char")
    client.state(vitals(9))

    assert client.state(vitals(9)) == b""
    assert gmcp(client.state(vitals(8))) == [("Char.Vitals", {"hp": 8, "maxhp": 9})]


def test_client_that_lists_late_hears_what_is_known_and_then_what_changes(client):
    client.state(vitals(9))
    client.state(inventory("a hat"))

    told = listing(client, "Char")

    assert names(told) == ["Char.Name", "Char.StatusVars", "Char.Status", "Char.Vitals", "Char.Items.List"]
    assert names(client.state(inventory("a hat", "a bag"))) == ["Char.Items.Add"]


def test_list_may_grow_and_shrink(client):
    client.state(vitals(9))
    client.state(inventory("a hat"))
    listing(client, "Char.Vitals")

    assert names(listing(client, "Char.Items", "Char.Vitals", how="add")) == ["Char.Items.List"]
    assert listing(client, "Char.Vitals", how="remove") == b""
    assert client.state(vitals(8)) == b""
    assert names(client.state(inventory())) == ["Char.Items.Remove"]
    assert listing(client, how="set") == b""
    assert client.packages == frozenset()


def test_outputs_go_with_a_message_to_those_who_listed_it(client):
    listing(client, "Comm.Channel")

    assert client.wanted_outputs == outofband.OF_OUTPUTS
    assert names(client.output(OOC)) == ["Comm.Channel.Text"]
    assert names(client.output(WHO)) == ["Comm.Channel.Players"]
    assert client.output(SAY) == b""


def test_one_of_the_messages_of_outputs_may_be_listed_alone(client):
    listing(client, "Comm.Channel.Text")

    assert names(client.output(OOC)) == ["Comm.Channel.Text"]
    assert client.output(WHO) == b""


@pytest.mark.parametrize(
    ("sent", "echoed"), [(None, None), (120, 120), ("x", None), (True, None), (-1, None)]
)
def test_ping_is_echoed_with_its_number(client, sent, echoed):
    assert gmcp(client.gmcp(GmcpMessage("core.ping", sent))) == [("Core.Ping", echoed)]


def test_ping_with_a_monstrous_number_is_echoed_without_it(client):
    assert gmcp(client.gmcp(GmcpMessage("core.ping", MAX_PING + 1))) == [("Core.Ping", None)]


@pytest.mark.parametrize("name", ["core.keepalive", "core.hello", "char.skills.get", "x"])
def test_message_without_an_answer_has_none(client, name):
    assert client.gmcp(GmcpMessage(name, {"x": 1})) == b""


def test_lists_of_things_are_told_again_when_asked_for(client):
    listing(client, "Char.Items")
    client.state(inventory("a hat"))
    client.state(AROUND)

    inv, room = (gmcp(client.gmcp(GmcpMessage(f"char.items.{where}"))) for where in ("inv", "room"))

    assert inv == [("Char.Items.List", {"location": "inv", "items": [{"id": "a hat", "name": "a hat"}]})]
    assert room == [("Char.Items.List", {"location": "room", "items": [{"id": "1", "name": "a hat"}]})]


def test_lists_of_things_that_were_not_listed_are_not_told(client):
    client.state(inventory("a hat"))

    assert client.gmcp(GmcpMessage("char.items.inv")) == b""


def test_client_that_switches_gmcp_off_hears_no_more(client):
    listing(client, "Char", "Comm")

    client.end(201)

    assert client.state(vitals(9)) == b""
    assert client.output(OOC) == b""
    assert client.wanted_outputs == ()


def test_state_that_no_protocol_has_a_place_for_is_not_even_kept(client):
    listing(client, "Char", "Room", "Comm")

    for name in range(1000):
        assert client.state(EntityStateUpdate(StateUpdateType.CUSTOM, {"x": 1}, str(name))) == b""

    assert not client._states


# MSDP.


def test_variable_is_reported_at_once_and_on_every_change(client):
    client.state(vitals(9))

    assert msdp(command(client, ("REPORT", ["HEALTH", "HEALTH_MAX"]))) == {"HEALTH": "9", "HEALTH_MAX": "9"}
    assert msdp(client.state(vitals(8))) == {"HEALTH": "8"}
    assert client.state(vitals(8)) == b""
    assert client.state(inventory("a hat")) == b""


def test_variable_reported_before_it_is_known_comes_when_it_is(client):
    assert command(client, ("report", "health")) == b""

    assert msdp(client.state(vitals(9))) == {"HEALTH": "9"}


@pytest.mark.parametrize("end", [("UNREPORT", "HEALTH"), ("RESET", "REPORTED_VARIABLES"), None])
def test_report_ends_when_the_client_says_so(client, end):
    command(client, ("REPORT", "HEALTH"))
    if end:
        assert command(client, end) == b""
    else:
        client.end(69)

    assert client.state(vitals(9)) == b""


def test_variable_is_sent_once_however_often_it_is_asked_for(client):
    client.state(vitals(9))

    told = command(client, *[("SEND", ["HEALTH"] * 50)] * 50)

    assert parts(told, MSDP) == [b"\1HEALTH\x029"]


def test_server_says_who_it_is(client):
    assert msdp(command(client, ("SEND", "SERVER_ID"))) == {"SERVER_ID": "The Harbour"}


@pytest.mark.parametrize(
    "pair",
    [("SEND", "X"), ("SEND", {"HEALTH": "x"}), ("SEND", [["HEALTH"]]), ("SEND", "HEALTH"), ("REPORT", "X"),
     ("LIST", "X"), ("RESET", "X"), ("X", "HEALTH"), ("", "")],
)  # fmt: skip
def test_command_that_makes_no_sense_has_no_effect(client, pair):
    assert command(client, pair) == b""
    assert msdp(command(client, ("LIST", "REPORTED_VARIABLES"))) == {"REPORTED_VARIABLES": []}


def test_variable_that_its_state_lacks_is_not_sent(client):
    client.state(EntityStateUpdate(StateUpdateType.STATS, {"hp": 1}))

    assert msdp(command(client, ("SEND", ["HEALTH", "RACE"]))) == {"HEALTH": "1"}


def test_lists_tell_what_can_be_asked_for(client):
    command(client, ("REPORT", "ROOM"))

    told = msdp(
        command(client, ("LIST", "LISTS"), ("LIST", "COMMANDS"), ("LIST", "REPORTED_VARIABLES"))
        + command(client, ("LIST", ["REPORTABLE_VARIABLES", "SENDABLE_VARIABLES", "CONFIGURABLE_VARIABLES"]))
    )

    assert set(told["LISTS"]) == {*told}
    assert told["COMMANDS"] == ["LIST", "REPORT", "UNREPORT", "SEND", "RESET"]
    assert told["REPORTED_VARIABLES"] == ["ROOM"]
    assert told["REPORTABLE_VARIABLES"] == told["SENDABLE_VARIABLES"]
    assert set(told["SENDABLE_VARIABLES"]) == {"SERVER_ID", *outofband.STATE_OF_VARIABLE}
    assert told["CONFIGURABLE_VARIABLES"] == []


def test_client_with_both_hears_each_thing_over_gmcp_only(client):
    command(client, ("REPORT", "HEALTH"))
    listing(client, "Char.Vitals")

    assert names(client.state(vitals(9))) == ["Char.Vitals"]
    listing(client)
    assert msdp(client.state(vitals(8))) == {"HEALTH": "8"}
