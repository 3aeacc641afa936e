"""An `Outlet` that remembers what the world said, to whom."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from wyld_rpc.messages import (
    Combat,
    DisconnectReason,
    EntityStateUpdate,
    FormattedText,
    GameOutput,
    RoomDescription,
    StateUpdateType,
)
from wyld_world.model.things import Character


def plain(output: GameOutput) -> str:
    """What a player without colours reads of an output."""
    if isinstance(output, FormattedText):
        return "".join(span.text for span in output.spans)
    if isinstance(output, RoomDescription):
        lines = [output.name, output.description, *output.exits, *output.entities, *output.items]
        return "\n".join(lines)
    if isinstance(output, Combat):
        critical = ", critically" if output.critical else ""
        return f"{output.attacker} {output.action} {output.defender} for {output.damage}{critical}."
    return output.text


@attrs.define
class RecordingOutlet:
    """Remembers everything in order, as objects; `texts` and `states` pick out what one character got."""

    sent: list[tuple[tuple[Character, ...], GameOutput]] = attrs.field(factory=list)
    updates: list[tuple[Character, EntityStateUpdate]] = attrs.field(factory=list)
    ended: list[tuple[Character, DisconnectReason, str]] = attrs.field(factory=list)

    def send(self, recipients: Iterable[Character], output: GameOutput) -> None:
        self.sent.append((tuple(recipients), output))

    def state(self, character: Character, update: EntityStateUpdate) -> None:
        self.updates.append((character, update))

    def disconnect(self, character: Character, reason: DisconnectReason, text: str) -> None:
        self.ended.append((character, reason, text))

    def outputs(self, character: Character) -> list[GameOutput]:
        return [output for recipients, output in self.sent if character in recipients]

    def texts(self, character: Character) -> list[str]:
        return [plain(output) for output in self.outputs(character)]

    def states(self, character: Character) -> dict[tuple[StateUpdateType, str], dict[str, object]]:
        """The last state of each kind and name, as a client would have it."""
        return {(u.kind, u.name): u.data for who, u in self.updates if who is character}

    def clear(self) -> None:
        self.sent.clear()
        self.updates.clear()
        self.ended.clear()
