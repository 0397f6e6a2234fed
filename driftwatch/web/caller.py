"""Who sent a request, as it is written into the audit log."""

from __future__ import annotations

from dataclasses import dataclass

_LONGEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sent a request.

    Args:
        name: ``user alice``, ``token collector``, or ``anonymous``; of a local command, the account it ran under.
        peer: address it came from; empty for the daemon's own socket.
        known: whether it showed who it is, or nobody needs to here.
        local: whether it came over the daemon's own socket, and so may ask for everything.
    """

    name: str
    peer: str = ""
    known: bool = True
    local: bool = False

    def __str__(self) -> str:
        """Return it as it is noted: printable, short, on one line."""
        name = "".join(letter if letter.isprintable() else "?" for letter in self.name[:_LONGEST])
        return f"{name} from {self.peer}" if self.peer else name


NOBODY = Caller(name="anonymous", known=False)
