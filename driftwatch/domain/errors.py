"""Every error that driftwatch raises on purpose: what happened, where, and how to cure it."""

from __future__ import annotations

from typing import ClassVar


class DriftwatchError(Exception):
    """A failure that a person can act on.

    Args:
        what: what is wrong, in one clause.
        where: the place, as ``file:line:column`` or the narrowest part of it known.
        cure: what the reader can do about it.
        retryable: whether the same call may succeed later; the class's own default otherwise.
    """

    retryable: bool = False
    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        cure: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.cure = cure
        if retryable is not None:
            self.retryable = retryable

    def __str__(self) -> str:
        """Return the message as shown to people: where, what, cure."""
        place = f"{self.where}: " if self.where else ""
        cure = f" ({self.cure})" if self.cure else ""
        return f"{place}{self.what}{cure}"


class ConfigError(DriftwatchError):
    """The configuration cannot be used as it is written."""

    exit_code = 2


class PolicyError(DriftwatchError):
    """A policy file cannot be used as it is written."""

    exit_code = 2


class DataError(DriftwatchError):
    """Training data, a log or a text does not have the form it must have."""

    exit_code = 2


class ModelError(DriftwatchError):
    """A model folder is missing, incomplete, unsafe or of an unknown family."""

    exit_code = 2


class EncoderError(DriftwatchError):
    """An encoder cannot be loaded, or its output cannot be used."""

    exit_code = 2


class DigestMismatchError(DriftwatchError):
    """Features of different encoders, tokenizers or models were about to meet."""

    exit_code = 2


class NotFoundError(DriftwatchError):
    """Something asked for by name does not exist."""

    exit_code = 4


class ConflictError(DriftwatchError):
    """The request does not fit the present state, such as approving a finished run."""

    exit_code = 5


class StoreError(DriftwatchError):
    """The store cannot be read or written."""

    exit_code = 6


class StoreUnavailableError(StoreError):
    """The store cannot take a write now: disk full, read-only or locked. Nothing was written."""

    retryable = True


class StoreCorruptError(StoreError):
    """The database file is damaged or is no database."""


class StoreVersionError(StoreError):
    """The database was written by a newer driftwatch."""


class RunError(DriftwatchError):
    """A retraining run could not go on."""


class WorkerError(DriftwatchError):
    """The analysis worker died or did not answer."""

    retryable = True


class NotifyError(DriftwatchError):
    """A receiver did not take an alert; ``retryable`` says whether to try again."""
