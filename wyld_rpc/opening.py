"""How a link opens: both ends prove that they have the shared key, and learn who the other one is.

    gateway                                         world
    hello      {version, gateway, epoch, nonce}  ->
                                                 <-  challenge  {version, epoch, nonce}
    proof      {mac}                             ->
                                                 <-  welcome    {mac}
                                  or, at any point,  refused    {code, message, version}

Each step is an event frame.  A mac is HMAC-SHA256 (RFC 2104) under the shared key over everything that either
end has said: both versions, the gateway's id, both epochs and both nonces, all of fixed length, behind a
label that differs by role, so that nothing an end has sent can be sent back to it as a proof.  The gateway
proves itself first: whoever merely finds the port gets no mac to try keys on.

The version is read before anything else of a hello or a challenge, so that ends of different versions can say
so.  `refused` is not authenticated; believing it costs no more than a connection that was cut.

States are a table for each side, (state, kind of event) to method; what is not in the table is refused, and
after any error nothing is accepted any more.

    gateway    AWAITING_CHALLENGE  -challenge->  AWAITING_WELCOME  -welcome->  OPEN
    world      AWAITING_HELLO      -hello->      AWAITING_PROOF    -proof->    OPEN

Pure: frames in, frames out; nonces are arguments.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, ClassVar, Final, NoReturn

import attrs

from wyld_rpc.errors import (
    LocalProtocolError,
    OpeningRefused,
    RemoteProtocolError,
    VersionMismatch,
    WrongKey,
    WyldRpcError,
)
from wyld_rpc.frames import Event, Frame, Value
from wyld_rpc.messages import PROTOCOL_VERSION
from wyld_rpc.numbering import EPOCH_SIZE, Epoch

MIN_KEY: Final = 16
"""Bytes of the shared key: fewer could be guessed from a recorded opening."""
GATEWAY_ID_SIZE: Final = 16
NONCE_SIZE: Final = 32
MAC_SIZE: Final = 32
MAX_OPENING_FRAME: Final = 1024
"""Bytes: all that whoever has proved nothing yet may make us hold and parse."""
MAX_REASON: Final = 200
"""Characters of the sentence in `refused`; with four bytes each it still fits `MAX_OPENING_FRAME`."""

# Both versions, gateway id, gateway epoch, gateway nonce, world epoch, world nonce.
_TRANSCRIPT: Final = struct.Struct(
    f">HH{GATEWAY_ID_SIZE}s{EPOCH_SIZE}s{NONCE_SIZE}s{EPOCH_SIZE}s{NONCE_SIZE}s"
)
_MAX_VERSION: Final = 2**16 - 1
_GATEWAY_LABEL: Final = b"wyld link, gateway: "
_WORLD_LABEL: Final = b"wyld link, world: "


@attrs.frozen
class Opened:
    """What both ends know when a link is open.

    Attributes:
      gateway_id: which gateway, `GATEWAY_ID_SIZE` bytes; stays the same when it restarts.
      gateway_epoch: which life of that gateway.
      world_epoch: which life of the world.
    """

    gateway_id: bytes
    gateway_epoch: Epoch
    world_epoch: Epoch


class OpeningState(Enum):
    """Where one side stands; see the module docstring."""

    AWAITING_CHALLENGE = "awaiting challenge"
    AWAITING_WELCOME = "awaiting welcome"
    AWAITING_HELLO = "awaiting hello"
    AWAITING_PROOF = "awaiting proof"
    OPEN = "open"
    FAILED = "failed"


class _Opening:
    """What both sides share: the walk through the table, and the macs."""

    _TABLE: ClassVar[Mapping[tuple[OpeningState, str], Callable[[Any, Value], Event | None]]]

    def __init__(self, state: OpeningState, key: bytes, nonce: bytes, version: int) -> None:
        if len(key) < MIN_KEY:
            raise LocalProtocolError(f"the link key has {len(key)} bytes; at least {MIN_KEY} are needed")
        if len(nonce) != NONCE_SIZE:
            raise LocalProtocolError(f"a nonce has {NONCE_SIZE} bytes")
        self.state = state
        self.opened: Opened | None = None
        """The result; None until the state is OPEN."""
        self._key = key
        self._nonce = nonce
        self._version = version
        self._transcript = b""

    def receive(self, frame: Frame) -> Event | None:
        """Take the other end's next frame and return our answer, if there is one.

        Raises:
          VersionMismatch: it speaks another version.
          WrongKey: one of us does not have the other's key.
          OpeningRefused: the world has another reason.
          RemoteProtocolError: the frame does not belong here.
        """
        try:
            if not isinstance(frame, Event):
                raise RemoteProtocolError("a link opens with events, not with a request or a response")
            step = self._TABLE.get((self.state, frame.kind))
            if step is None:
                raise RemoteProtocolError(f"{frame.kind!r} while {self.state.value}")
            return step(self, frame.body)
        except WyldRpcError:
            self.state = OpeningState.FAILED
            raise

    def _check_version(self, body: Value) -> None:
        theirs = _version(body)
        if theirs != self._version:
            raise VersionMismatch(self._version, theirs)

    def _write_transcript(self, opened: Opened, gateway_nonce: bytes, world_nonce: bytes) -> None:
        # Both versions are in it although they are equal here: that they were is part of what is proved.
        self._transcript = _TRANSCRIPT.pack(
            self._version,
            self._version,
            opened.gateway_id,
            opened.gateway_epoch,
            gateway_nonce,
            opened.world_epoch,
            world_nonce,
        )

    def _mac(self, label: bytes) -> bytes:
        return hmac.digest(self._key, label + self._transcript, "sha256")

    def _check_mac(self, label: bytes, body: Value) -> None:
        if not hmac.compare_digest(self._mac(label), _bytes(body, "mac", MAC_SIZE)):
            raise WrongKey("the other end does not have our link key")


class GatewayOpening(_Opening):
    """The gateway's side: send `hello()`, then pass what arrives to `receive`.

    Args:
      key: the shared key, at least `MIN_KEY` bytes.
      gateway_id: `GATEWAY_ID_SIZE` bytes.
      gateway_epoch: this life of the gateway.
      nonce: `NONCE_SIZE` random bytes, never used before.
      version: the protocol version that we speak.

    Raises:
      LocalProtocolError: one of them has the wrong length.
    """

    def __init__(
        self,
        *,
        key: bytes,
        gateway_id: bytes,
        gateway_epoch: Epoch,
        nonce: bytes,
        version: int = PROTOCOL_VERSION,
    ) -> None:
        super().__init__(OpeningState.AWAITING_CHALLENGE, key, nonce, version)
        if len(gateway_id) != GATEWAY_ID_SIZE or len(gateway_epoch) != EPOCH_SIZE:
            raise LocalProtocolError(f"a gateway's id has {GATEWAY_ID_SIZE} bytes, its epoch {EPOCH_SIZE}")
        self._gateway_id = gateway_id
        self._gateway_epoch = gateway_epoch
        self._proposed: Opened | None = None

    def hello(self) -> Event:
        """Return the event that begins the opening."""
        body = {
            "version": self._version,
            "gateway": self._gateway_id,
            "epoch": self._gateway_epoch,
            "nonce": self._nonce,
        }
        return Event("hello", body)

    def _on_challenge(self, body: Value) -> Event:
        self._check_version(body)
        world_epoch, world_nonce = Epoch(_bytes(body, "epoch", EPOCH_SIZE)), _bytes(body, "nonce", NONCE_SIZE)
        self._proposed = Opened(self._gateway_id, self._gateway_epoch, world_epoch)
        self._write_transcript(self._proposed, self._nonce, world_nonce)
        self.state = OpeningState.AWAITING_WELCOME
        return Event("proof", {"mac": self._mac(_GATEWAY_LABEL)})

    def _on_welcome(self, body: Value) -> None:
        self._check_mac(_WORLD_LABEL, body)
        self.opened = self._proposed
        self.state = OpeningState.OPEN

    def _on_refused(self, body: Value) -> NoReturn:
        code, message = _text(body, "code"), _text(body, "message")
        if code == "version":
            raise VersionMismatch(self._version, _version(body))
        if code == "key":
            raise WrongKey("the world does not have our link key")
        raise OpeningRefused(f"the world refused the link: {message}")

    _TABLE: ClassVar = {
        (OpeningState.AWAITING_CHALLENGE, "challenge"): _on_challenge,
        (OpeningState.AWAITING_CHALLENGE, "refused"): _on_refused,
        (OpeningState.AWAITING_WELCOME, "welcome"): _on_welcome,
        (OpeningState.AWAITING_WELCOME, "refused"): _on_refused,
    }


class WorldOpening(_Opening):
    """The world's side: pass what arrives to `receive`; if that raises, send `refusal` of it before closing.

    Args:
      key: the shared key, at least `MIN_KEY` bytes.
      world_epoch: this life of the world.
      nonce: `NONCE_SIZE` random bytes, never used before.
      version: the protocol version that we speak.

    Raises:
      LocalProtocolError: one of them has the wrong length.
    """

    def __init__(
        self, *, key: bytes, world_epoch: Epoch, nonce: bytes, version: int = PROTOCOL_VERSION
    ) -> None:
        super().__init__(OpeningState.AWAITING_HELLO, key, nonce, version)
        if len(world_epoch) != EPOCH_SIZE:
            raise LocalProtocolError(f"a world's epoch has {EPOCH_SIZE} bytes")
        self._world_epoch = world_epoch
        self._proposed: Opened | None = None

    def refusal(self, error: WyldRpcError) -> Event:
        """Return the event that tells the gateway why the link is not opened."""
        match error:
            case VersionMismatch():
                code = "version"
            case WrongKey():
                code = "key"
            case _:
                code = "malformed"
        return Event("refused", {"code": code, "message": str(error)[:MAX_REASON], "version": self._version})

    def _on_hello(self, body: Value) -> Event:
        self._check_version(body)
        gateway_id, gateway_nonce = (
            _bytes(body, "gateway", GATEWAY_ID_SIZE),
            _bytes(body, "nonce", NONCE_SIZE),
        )
        gateway_epoch = Epoch(_bytes(body, "epoch", EPOCH_SIZE))
        self._proposed = Opened(gateway_id, gateway_epoch, self._world_epoch)
        self._write_transcript(self._proposed, gateway_nonce, self._nonce)
        self.state = OpeningState.AWAITING_PROOF
        body = {"version": self._version, "epoch": self._world_epoch, "nonce": self._nonce}
        return Event("challenge", body)

    def _on_proof(self, body: Value) -> Event:
        self._check_mac(_GATEWAY_LABEL, body)
        self.opened = self._proposed
        self.state = OpeningState.OPEN
        return Event("welcome", {"mac": self._mac(_WORLD_LABEL)})

    _TABLE: ClassVar = {
        (OpeningState.AWAITING_HELLO, "hello"): _on_hello,
        (OpeningState.AWAITING_PROOF, "proof"): _on_proof,
    }


# -- Reading a body: every function raises RemoteProtocolError -------------------------------------------------


def _field(body: Value, name: str) -> Value:
    if type(body) is not dict or name not in body:
        raise RemoteProtocolError(f"the opening lacks {name!r}")
    return body[name]


def _bytes(body: Value, name: str, size: int) -> bytes:
    value = _field(body, name)
    if type(value) is not bytes or len(value) != size:
        raise RemoteProtocolError(f"{name!r} of the opening is not {size} bytes")
    return value


def _text(body: Value, name: str) -> str:
    value = _field(body, name)
    if type(value) is not str or len(value) > MAX_REASON:
        raise RemoteProtocolError(f"{name!r} of the opening is not a text of at most {MAX_REASON} characters")
    return value


def _version(body: Value) -> int:
    value = _field(body, "version")
    if type(value) is not int or not 0 <= value <= _MAX_VERSION:
        raise RemoteProtocolError("the opening's version is not a number")
    return value
