"""The life of a session, as a table.  (pure)

A session begins with a connection and may outlive it:

    Connecting -> Authenticating -> CharacterSelection -> Playing <-> Disconnected
        |               |                   |                |             |
        +---------------+-------------------+----------------+-------------+--> Closed

- **Connecting**: the protocol's handshake is under way; nothing is known of who it is.
- **Authenticating**: the first screen was shown; an account and a password are asked for.
- **CharacterSelection**: the account is known. From here on the session has a row in the database: a crawler that only reads
  the first screen leaves no trace.
- **Playing**: a character of the world is bound to the session, and a client is attached to it.
- **Disconnected**: the client is gone, the character is still in the world. The world says for how long.
- **Closed**: over. Nothing leads out of it, and the id is never used again.

A session that has no character has nothing worth waiting for: when its client goes, it is closed.

`MOVES` is the whole machine. A move that is not in it is a defect of ours: `after` raises `IllegalMove`.
"""

from __future__ import annotations

import enum
from typing import Final

from wyld_gateway.errors import LocalError


class State(enum.Enum):
    """The values are those of the column `sessions.state`."""

    CONNECTING = "Connecting"
    AUTHENTICATING = "Authenticating"
    CHARACTER_SELECTION = "CharacterSelection"
    PLAYING = "Playing"
    DISCONNECTED = "Disconnected"
    CLOSED = "Closed"


class Move(enum.Enum):
    GREET = "greet"
    """The handshake is done."""
    AUTHENTICATE = "authenticate"
    """The world confirmed the account."""
    SELECT = "select"
    """The world bound a character to the session."""
    DETACH = "detach"
    """The client is gone without a word."""
    ATTACH = "attach"
    """A client came back to it."""
    CLOSE = "close"
    """It is over: the player left, was replaced or sent away, or nobody came back in time."""


class IllegalMove(LocalError):
    """The session cannot make this move in its state; nothing changed."""

    def __init__(self, state: State, move: Move) -> None:
        self.state = state
        self.move = move
        super().__init__(f"a session in state {state.value} cannot {move.value}")


MOVES: Final[dict[tuple[State, Move], State]] = {
    (State.CONNECTING, Move.GREET): State.AUTHENTICATING,
    (State.AUTHENTICATING, Move.AUTHENTICATE): State.CHARACTER_SELECTION,
    (State.CHARACTER_SELECTION, Move.SELECT): State.PLAYING,
    (State.PLAYING, Move.DETACH): State.DISCONNECTED,
    (State.DISCONNECTED, Move.ATTACH): State.PLAYING,
    (State.CONNECTING, Move.CLOSE): State.CLOSED,
    (State.AUTHENTICATING, Move.CLOSE): State.CLOSED,
    (State.CHARACTER_SELECTION, Move.CLOSE): State.CLOSED,
    (State.PLAYING, Move.CLOSE): State.CLOSED,
    (State.DISCONNECTED, Move.CLOSE): State.CLOSED,
}

IN_PLAY: Final = frozenset({State.PLAYING, State.DISCONNECTED})
"""The world has a character for such a session. At most one session of a character is in one of these states."""

STORED: Final = frozenset({State.CHARACTER_SELECTION, State.PLAYING, State.DISCONNECTED})
"""Such a session has a row and is alive."""


def after(state: State, move: Move) -> State:
    """The state that `move` leads to from `state`.

    Raises:
        IllegalMove: There is no such move.
    """
    try:
        return MOVES[state, move]
    except KeyError:
        raise IllegalMove(state, move) from None
