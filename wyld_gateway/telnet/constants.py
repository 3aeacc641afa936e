"""The numbers of telnet: commands, option codes and the codes inside subnegotiations.

Pure data; imports nothing but the standard library. Commands are those of RFC 854 and RFC 885. Options are
the ones that MUD clients and MUD servers are known to speak about, whether or not this gateway implements
them: an unimplemented one has its name here so that the list of what was negotiated can be read by people.

Sources: RFC 854, 855, 856, 857, 858, 859, 860, 885, 1073, 1091, 1184, 1572, 2066 and the protocol pages of
the MUD community for the numbers from 69 up, which IANA does not list.
"""

from __future__ import annotations

from enum import IntEnum


class Command(IntEnum):
    """The byte after IAC (RFC 854; EOR: RFC 885)."""

    EOR = 239
    SE = 240
    NOP = 241
    DM = 242
    BRK = 243
    IP = 244
    AO = 245
    AYT = 246
    EC = 247
    EL = 248
    GA = 249
    SB = 250
    WILL = 251
    WONT = 252
    DO = 253
    DONT = 254
    IAC = 255


class OptionCode(IntEnum):
    """The byte after WILL, WONT, DO, DONT or SB. Peers may send any other byte: an option is an `int`, not a
    member.
    """

    BINARY = 0
    ECHO = 1
    SUPPRESS_GO_AHEAD = 3
    STATUS = 5
    TIMING_MARK = 6
    TERMINAL_TYPE = 24
    END_OF_RECORD = 25
    WINDOW_SIZE = 31
    LINEMODE = 34
    NEW_ENVIRON = 39
    CHARSET = 42
    START_TLS = 46
    MSDP = 69
    MSSP = 70
    MCCP1 = 85
    MCCP2 = 86
    MCCP3 = 87
    MSP = 90
    MXP = 91
    ZMP = 93
    AARDWOLF = 102
    ATCP = 200
    GMCP = 201
    MPCP = 202


def option_name(code: int) -> str:
    """`code` as people write it: `"END-OF-RECORD"`, or `"OPTION-77"` for one without a name here."""
    try:
        return OptionCode(code).name.replace("_", "-")
    except ValueError:
        return f"OPTION-{code}"


IAC = bytes([Command.IAC])
DOUBLED_IAC = IAC * 2


class TerminalTypeCode(IntEnum):
    """First byte of a TERMINAL-TYPE subnegotiation (RFC 1091)."""

    IS = 0
    SEND = 1


class StatusCode(IntEnum):
    """First byte of a STATUS subnegotiation (RFC 859)."""

    IS = 0
    SEND = 1


class CharsetCode(IntEnum):
    """First byte of a CHARSET subnegotiation (RFC 2066)."""

    REQUEST = 1
    ACCEPTED = 2
    REJECTED = 3
    TTABLE_IS = 4
    TTABLE_REJECTED = 5
    TTABLE_ACK = 6
    TTABLE_NAK = 7


class EnvironCode(IntEnum):
    """First byte of a NEW-ENVIRON subnegotiation (RFC 1572)."""

    IS = 0
    SEND = 1
    INFO = 2


class EnvironItem(IntEnum):
    """What begins an item in a NEW-ENVIRON subnegotiation, and what takes the meaning from the next byte (RFC
    1572).
    """

    VAR = 0
    VALUE = 1
    ESC = 2
    USERVAR = 3


class MsdpCode(IntEnum):
    """What stands before and around names and values in an MSDP subnegotiation."""

    VAR = 1
    VAL = 2
    TABLE_OPEN = 3
    TABLE_CLOSE = 4
    ARRAY_OPEN = 5
    ARRAY_CLOSE = 6


class MsspCode(IntEnum):
    """What stands before a name and before a value in an MSSP subnegotiation."""

    VAR = 1
    VAL = 2
