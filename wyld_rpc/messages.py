"""What the gateway and the world say to each other: every method, result, error and event as a class.

Pure: imports attrs and nothing of ours. `wire.py` turns these classes into plain msgpack values and back; `frames.py` frames
those; `peer.py` carries the frames.

Three groups, top to bottom:

- **Vocabulary**: ids, enums and the small classes that the others are made of.
- **Requests**: one class for the parameters of each method, one for its result, and one error class with a code enum for each
  family of failures. `METHODS` names them all. The gateway asks, the world answers.
- **Events**: `commands`, `acks`, `client_changed` and `session_disconnected` go to the world; `tick` and `drain` come from it.

Ids are 16 random bytes and never reused. A `generation` rises with every attach of a session: the world ignores whatever
carries a lower one than it has seen. Times are seconds since 1970, UTC. Texts are limited by the 1 MiB limit of a frame; the limits of
single fields are checked where they enter (`login.py` in the gateway, the world's own rules for names and passwords).
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any, ClassVar, NewType, TypeAlias

import attrs

PROTOCOL_VERSION = 1

SessionId = NewType("SessionId", bytes)
AccountId = NewType("AccountId", bytes)
EntityId = NewType("EntityId", bytes)
"""A character, an item or a door: a durable thing of the world."""

Json: TypeAlias = dict[str, Any]
"""A map of plain values, as JSON would have it: str keys; None, bool, int, float, str, list and dict inside."""


# --------------------------------------------------------------------------------------------- errors


class CallError(Exception):
    """A method was refused for a reason that its caller is meant to handle: show `text` to the player, or branch on `code`.

    Each family has its own subclass and code enum, so that no caller has to compare strings.
    """

    family: ClassVar[str]

    def __init__(self, code: enum.Enum, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class AuthErrorCode(enum.Enum):
    INVALID_CREDENTIALS = "invalid_credentials"
    """The same for an unknown account and for a wrong password, in the same time."""
    ACCOUNT_LOCKED = "account_locked"
    SESSION_NOT_FOUND = "session_not_found"
    """The account that the session speaks of is gone."""
    ALREADY_AUTHENTICATED = "already_authenticated"
    NAME_TAKEN = "name_taken"
    NAME_REFUSED = "name_refused"
    PASSWORD_REFUSED = "password_refused"
    SERVER_ERROR = "server_error"
    """The world could not decide, for example because its database is away. Trying again later is sensible."""


class AuthError(CallError):
    """`authenticate` or `create_account` was refused."""

    family = "auth"
    code: AuthErrorCode


class CharacterErrorCode(enum.Enum):
    NAME_TAKEN = "name_taken"
    NAME_REFUSED = "name_refused"
    CHOICE_REFUSED = "choice_refused"
    """A race, class, attribute or description outside what `CreationChoices` offers."""
    TOO_MANY = "too_many"
    NOT_FOUND = "not_found"
    IN_PLAY = "in_play"
    SERVER_ERROR = "server_error"


class CharacterError(CallError):
    """A character could not be created, deleted or selected."""

    family = "character"
    code: CharacterErrorCode


class SessionErrorCode(enum.Enum):
    NOT_FOUND = "not_found"
    STALE_GENERATION = "stale_generation"
    """A newer attach of this session has been seen: whoever asked has lost it."""
    NOT_PLAYING = "not_playing"


class SessionError(CallError):
    """The world does not have the session in the state that the call needs."""

    family = "session"
    code: SessionErrorCode


class ReconnectErrorCode(enum.Enum):
    SESSION_NOT_FOUND = "session_not_found"
    CHARACTER_GONE = "character_gone"
    STALE_GENERATION = "stale_generation"
    SERVER_ERROR = "server_error"


class ReconnectError(CallError):
    """`session_reconnected` was refused: the player goes back to the login."""

    family = "reconnect"
    code: ReconnectErrorCode


CALL_ERRORS: dict[str, tuple[type[CallError], type[enum.Enum]]] = {
    AuthError.family: (AuthError, AuthErrorCode),
    CharacterError.family: (CharacterError, CharacterErrorCode),
    SessionError.family: (SessionError, SessionErrorCode),
    ReconnectError.family: (ReconnectError, ReconnectErrorCode),
}


# ------------------------------------------------------------------------------------------ characters


@attrs.frozen
class CharacterCreationData:
    """What a player chose for a new character. `attributes` maps each attribute's name to its value."""

    name: str
    race: str
    character_class: str
    attributes: dict[str, int]
    description: str = ""
    metadata: Json = attrs.field(factory=dict)


@attrs.frozen
class Choice:
    """One thing to choose from, with one sentence that tells what it means."""

    name: str
    summary: str


@attrs.frozen
class CreationChoices:
    """What `CharacterCreationData` may hold. Attributes start at `attribute_minimum`; `attribute_points` more are to be spent."""

    races: tuple[Choice, ...]
    classes: tuple[Choice, ...]
    attributes: tuple[Choice, ...]
    attribute_minimum: int
    attribute_maximum: int
    attribute_points: int
    description_limit: int


@attrs.frozen
class CharacterSummary:
    """One line of the character list."""

    id: EntityId
    name: str
    race: str
    character_class: str
    location: str
    last_played: float | None


@attrs.frozen
class CharacterInfo:
    """A character as its player knows it."""

    id: EntityId
    name: str
    race: str
    character_class: str
    attributes: dict[str, int]
    description: str
    location: str
    created: float


# -------------------------------------------------------------------------------------------- requests


@attrs.frozen
class Authenticate:
    session: SessionId
    account: str
    password: str = attrs.field(repr=False)
    client_addr: str


@attrs.frozen
class CreateAccount:
    """`id` is chosen by the gateway, so that a repeated call finds its own row and succeeds."""

    id: AccountId
    session: SessionId
    account: str
    password: str = attrs.field(repr=False)
    client_addr: str


@attrs.frozen
class AuthResult:
    account_id: AccountId
    account: str


@attrs.frozen
class ListCharacters:
    session: SessionId
    account_id: AccountId


@attrs.frozen
class CharacterList:
    characters: tuple[CharacterSummary, ...]
    choices: CreationChoices


@attrs.frozen
class CreateCharacter:
    """`id` is chosen by the gateway, as in `CreateAccount`. The answer is a `CharacterInfo`."""

    id: EntityId
    session: SessionId
    account_id: AccountId
    data: CharacterCreationData


@attrs.frozen
class DeleteCharacter:
    session: SessionId
    account_id: AccountId
    character_id: EntityId


@attrs.frozen
class CharacterDeleted:
    name: str


@attrs.frozen
class SelectCharacter:
    """Take a character into play: the session's first attach. An older session of the same character is told `Replaced`."""

    session: SessionId
    generation: int
    account_id: AccountId
    character_id: EntityId
    screen_reader: bool = False


@attrs.frozen
class SessionPositions:
    """Where a session's two numberings stand, as released: nothing that a death could take back."""

    session: SessionId
    epoch: bytes
    applied: int
    """The last command that was applied."""
    sent: int
    """The last output that was sent."""


@attrs.frozen
class CharacterSelected:
    character: CharacterInfo
    positions: SessionPositions


@attrs.frozen
class SessionReconnected:
    """A client came back to a session in play: the attach of every generation after the first."""

    session: SessionId
    generation: int
    screen_reader: bool = False


@attrs.frozen
class ReconnectResult:
    """`queued_events` counts the kept outputs that the client may still miss."""

    success: bool
    queued_events: int
    character_state: CharacterInfo
    positions: SessionPositions


@attrs.frozen
class SessionReport:
    """One session as its gateway has it. Positions are as in `numbering`: everything up to that number.

    Attributes:
        character_id: Which the gateway believes it plays; likewise `account_id`, `generation` and `epoch`.
        acked: The last command that the gateway knows to be applied.
        received: The last output that the gateway has received.
        confirmed: The last output that its client has confirmed, at most `received`.
        attached: Whether a client is there.
        kept: The newest outputs that are received and not confirmed, the last of which has the number `received`; each as
            `wire.encode_output` makes it. Fewer than `received - confirmed` if the gateway has not kept them all.
    """

    session: SessionId
    generation: int = attrs.field(validator=attrs.validators.ge(0))
    account_id: AccountId
    character_id: EntityId
    epoch: bytes
    acked: int = attrs.field(validator=attrs.validators.ge(0))
    received: int = attrs.field(validator=attrs.validators.ge(0))
    confirmed: int = attrs.field(validator=attrs.validators.ge(0))
    attached: bool
    screen_reader: bool = False
    kept: tuple[bytes, ...] = ()


MAX_REPORTS = 200
"""Sessions in one `Positions`: a thousand sessions come back in a few frames, and other traffic gets between them."""


@attrs.frozen
class Positions:
    """The first thing that a gateway says on every link, in as many requests as it takes: where it and all its sessions in play stand.

    Before its answer, the first request is followed by every tick after `tick`. After its answer, a session's commands after
    `applied` may be sent, and none before. A request holds at most `MAX_REPORTS` sessions and no more than fits into a frame.

    Attributes:
        tick: The last tick that this life of the gateway has applied; the same in all requests of one link.
        more: Whether another request follows. What is bound to this life of the gateway and in none of them, it has forgotten.
    """

    tick: int = attrs.field(validator=attrs.validators.ge(0))
    sessions: tuple[SessionReport, ...] = ()
    more: bool = False


@attrs.frozen
class PositionList:
    """Every session of the request, either as the world has it now, or as one that the gateway must give up.

    `ended` says why: `SERVER_SHUTDOWN` if the world does not know it, so that its player has to log in again; `REPLACED` if a newer
    attach has been seen.
    """

    sessions: tuple[SessionPositions, ...]
    ended: tuple[SessionEnded, ...] = ()


METHODS: dict[str, tuple[type, type, type[CallError]]] = {
    "authenticate": (Authenticate, AuthResult, AuthError),
    "create_account": (CreateAccount, AuthResult, AuthError),
    "list_characters": (ListCharacters, CharacterList, CharacterError),
    "create_character": (CreateCharacter, CharacterInfo, CharacterError),
    "delete_character": (DeleteCharacter, CharacterDeleted, CharacterError),
    "select_character": (SelectCharacter, CharacterSelected, CharacterError),
    "session_reconnected": (SessionReconnected, ReconnectResult, ReconnectError),
    "positions": (Positions, PositionList, SessionError),
}
"""Method name -> class of its parameters, of its result, of its failures. `heartbeat` belongs to the peer and is not here."""


# --------------------------------------------------------------------------------------- game outputs


@attrs.frozen
class Text:
    """Plain prose. `channel` names a channel line ("ooc", "tell", "say"): its text begins with the channel's fixed word, and
    `talker` is the name of whoever speaks."""

    TAG: ClassVar[int] = 0
    text: str
    channel: str | None = None
    talker: str | None = None


@attrs.frozen
class Span:
    """A run of text in one named style; `STYLES` lists the names. A style never carries a fact that the words do not."""

    text: str
    style: str = ""


STYLES = (
    "",
    "title",
    "exit",
    "npc",
    "player",
    "item",
    "speech",
    "channel",
    "warning",
    "emphasis",
    "damage",
)


@attrs.frozen
class FormattedText:
    """Text with named styles. `decor` marks drawings and frames, which screen readers are spared."""

    TAG: ClassVar[int] = 1
    spans: tuple[Span, ...]
    decor: bool = False


@attrs.frozen
class Structured:
    """Data for clients that understand `topic` (for example "who"), and the same facts as lines of `text` for all others."""

    TAG: ClassVar[int] = 2
    topic: str
    data: Json
    text: str


@attrs.frozen
class RoomDescription:
    TAG: ClassVar[int] = 3
    name: str
    description: str
    exits: tuple[str, ...]
    entities: tuple[str, ...]
    items: tuple[str, ...]


@attrs.frozen
class Combat:
    """One blow. `attacker` and `defender` are as the recipient sees them ("You", "the straw dummy"), and `action` fits
    `attacker` ("strike", "strikes"), so that "{attacker} {action} {defender}" is a sentence."""

    TAG: ClassVar[int] = 4
    attacker: str
    defender: str
    action: str
    damage: int
    critical: bool = False


@attrs.frozen
class System:
    """A word of the server itself rather than of the game: a refused command, a save, an announcement."""

    TAG: ClassVar[int] = 5
    text: str


GameOutput: TypeAlias = Text | FormattedText | Structured | RoomDescription | Combat | System
GAME_OUTPUTS: tuple[type[GameOutput], ...] = (
    Text,
    FormattedText,
    Structured,
    RoomDescription,
    Combat,
    System,
)
"""In the order of their tags."""


class StateUpdateType(enum.Enum):
    """States are unnumbered: the last of each kind is kept and sent again after every attach.

    A prompt is a state too: `CUSTOM` with the name "prompt" and `{"text": ...}`.
    """

    STATS = "stats"
    POSITION = "position"
    INVENTORY = "inventory"
    EQUIPMENT = "equipment"
    STATUS_EFFECTS = "status_effects"
    CUSTOM = "custom"


PROMPT = "prompt"
ROOM = "room"
CHANNELS = "channels"
"""Names of `CUSTOM` states that both sides know: what stands at the input; who and what is in the same place; what can be talked on."""


@attrs.frozen
class EntityStateUpdate:
    """What is now true of the recipient's character. `name` tells `CUSTOM` states apart and is empty for the others."""

    kind: StateUpdateType
    data: Json
    name: str = ""


# ---------------------------------------------------------------------------------------------- events


class DisconnectReason(enum.Enum):
    CLIENT_DISCONNECT = "client_disconnect"
    """The player said quit."""
    TIMEOUT = "timeout"
    """The session expired while nobody was attached to it."""
    NETWORK_ERROR = "network_error"
    """The connection was lost; the session lives on."""
    SERVER_SHUTDOWN = "server_shutdown"
    KICKED = "kicked"
    REPLACED = "replaced"


ENDS_SESSION = frozenset(
    {
        DisconnectReason.CLIENT_DISCONNECT,
        DisconnectReason.TIMEOUT,
        DisconnectReason.KICKED,
        DisconnectReason.REPLACED,
    }
)
"""After these the session is over; after the others it waits for its player."""


@attrs.frozen
class SessionDisconnected:
    """Gateway to world: the player of this session has gone, and how."""

    KIND: ClassVar[str] = "session_disconnected"
    session: SessionId
    generation: int
    reason: DisconnectReason


@attrs.frozen
class ClientChanged:
    """Gateway to world: what the world may want to know of the client changed."""

    KIND: ClassVar[str] = "client_changed"
    session: SessionId
    generation: int
    screen_reader: bool


@attrs.frozen
class Acks:
    """Gateway to world: all ticks up to `tick` are applied here; `outputs` are positions that clients confirmed."""

    KIND: ClassVar[str] = "acks"
    tick: int
    outputs: Sequence[tuple[SessionId, int]] = ()


@attrs.frozen
class Command:
    """One command of one session. `number` is dense from 1 in the session's numbering."""

    session: SessionId
    generation: int
    number: int
    text: str


@attrs.frozen
class Commands:
    """Gateway to world: everything that the players typed in one pass of the gateway's loop, in order of arrival."""

    KIND: ClassVar[str] = "commands"
    commands: Sequence[Command]


class CommandErrorCode(enum.Enum):
    FAILED = "failed"
    """The command's code raised; whatever it had changed was undone."""
    SKIPPED = "skipped"
    """The command ended two worlds in a row and was not tried again."""


@attrs.frozen
class CommandError:
    code: CommandErrorCode
    text: str


@attrs.frozen
class CommandResult:
    """The answer to commands: all of `session` up to `applied` are done. `error` tells of the last of them."""

    session: SessionId
    applied: int
    error: CommandError | None = None


@attrs.frozen
class Delivery:
    """One output and who gets it, so that a text is on the wire once.

    `numbers[i]` is the number of this output in the numbering of `sessions[i]`; two lists, because a pair for each of a thousand
    recipients would cost a thousand objects.
    """

    output: GameOutput
    sessions: list[SessionId]
    numbers: list[int]


@attrs.frozen
class StateDelivery:
    update: EntityStateUpdate
    sessions: list[SessionId]


@attrs.frozen
class SessionEnded:
    """World to gateway: the session is over, or bound elsewhere (`REPLACED`). `text` is for its player."""

    session: SessionId
    reason: DisconnectReason
    text: str


@attrs.frozen
class Tick:
    """World to gateway: all that one pass of the engine did for that gateway's sessions.

    `number` is dense from 1 in one life of a gateway, over all its links and all worlds. A tick that would not fit into a frame comes in several with the
    same number; `more` is true in all but the last, and a gateway applies none before it has all. Within a tick the gateway applies
    outputs, then states, then acks, then ends, so that whoever sees an output also sees the ack of the command that caused it.
    """

    KIND: ClassVar[str] = "tick"
    number: int
    acks: Sequence[CommandResult] = ()
    outputs: Sequence[Delivery] = ()
    states: Sequence[StateDelivery] = ()
    disconnects: Sequence[SessionEnded] = ()
    more: bool = False


@attrs.frozen
class Drain:
    """World to gateway: the world stops in `seconds`; tell the players. With 0 it stops now: hold new commands.

    Attributes:
        reason: An operator's words for the players; may be empty.
    """

    KIND: ClassVar[str] = "drain"
    seconds: float
    reason: str


TO_WORLD = (SessionDisconnected, ClientChanged, Acks, Commands)
TO_GATEWAY = (Tick, Drain)
