"""What can go wrong in the ground both processes stand on.

`ServiceError` is the root. Its message is always one or more whole sentences for an operator, without secrets.
"""

from __future__ import annotations


class ServiceError(Exception):
    """Root of this package's errors; print the message and end the process with status 2."""


class SettingsError(ServiceError):
    """The settings cannot be used; print it, it names every problem at once.

    Attributes:
        problems: One sentence per problem, in the order in which they were found, at least one.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


class CannotListen(ServiceError):
    """An address cannot be bound; print it and end with status 2, nothing was left bound.

    Attributes:
        address: The address as the settings write it.
        reason: What the operating system says.
    """

    def __init__(self, address: str, reason: str) -> None:
        self.address = address
        self.reason = reason
        super().__init__(f"Cannot listen on {address}: {reason}.")


class ControlUnreachable(ServiceError):
    """No answer from a control socket; print it and end with status 3.

    Attributes:
        gone: True where no process listens there; otherwise one does, and does not answer, or not to this user.
    """

    def __init__(self, reason: str, *, gone: bool = False) -> None:
        self.gone = gone
        super().__init__(reason)


class ControlRefused(ServiceError):
    """The process did not do what it was asked; print it and end with status 1. A verb raises it to refuse."""


class StoreError(ServiceError):
    """Root of what the database can do to a caller."""


class StoreUnavailable(StoreError):
    """The database did not do it and may do it later; go on without it, or try again.

    Attributes:
        in_doubt: True when the connection was lost while COMMIT was under way, so that the transaction may or may
            not have happened. Whoever repeats it then needs a transaction that cannot take effect twice.
    """

    def __init__(self, reason: str, *, in_doubt: bool = False) -> None:
        self.in_doubt = in_doubt
        super().__init__(reason)


class StoreRefused(StoreError):
    """The database understood and said no, and would say so again; the transaction had no effect.

    Attributes:
        sqlstate: The five characters of the SQL standard's code, such as `23505` for a unique violation.
        constraint: Name of the constraint that was broken, or None.
    """

    def __init__(self, reason: str, *, sqlstate: str | None = None, constraint: str | None = None) -> None:
        self.sqlstate = sqlstate
        self.constraint = constraint
        super().__init__(reason)


class LockTaken(StoreError):
    """Another process holds the advisory lock; end with status 2, or wait until that process has ended."""


class SchemaTooNew(StoreError):
    """The database was made by a newer release than this one; install that release or restore a backup."""
