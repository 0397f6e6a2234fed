"""Questions to a text: whether personal data or secrets of a kind may be in it."""

from __future__ import annotations

from enum import IntFlag


class Ask(IntFlag):
    """What is to be looked at more closely, the first four as in ``Hint``."""

    EMAIL = 2
    NUMBER = 4
    DOTS = 16
    COLONS = 32
    A = 64
    DASH = 128
    UNDERSCORE = 256
    J = 512
    SIGN = 1024
    BEARER = 2048
