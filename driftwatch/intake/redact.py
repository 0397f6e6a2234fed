"""Replaces personal data and secrets by typed placeholders before anything is stored."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from driftwatch.intake.hints import Hint, hints
from driftwatch.intake.phones import spans_of_phones

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

KINDS = ("secret", "email", "iban", "card", "ip", "phone")
"""In the order they are looked for: a key may hold what looks like a number, an IBAN what looks like a card."""

_EMAIL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+'-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{2,4}){3,8}\b")
_CARD = re.compile(r"(?<![\d.])(?:\d[ -]?){12,18}\d(?![\d.]*\d)")
_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")
_SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{22,}\b"
    r"|\bglpat-[A-Za-z0-9_-]{20,}"
    r"|\bxox[abeoprs]-[A-Za-z0-9-]{10,}"
    r"|\bsk-[A-Za-z0-9_-]{20,}|\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"
    r"|\bAIza[0-9A-Za-z_-]{35}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
    r"|(?i:(?<=bearer )[A-Za-z0-9._~+/-]{16,}=*)"
    r"|(?i:(?P<name>(?<![A-Za-z0-9])(?:api[_-]?key|access[_-]?token|auth[_-]?token|client[_-]?secret"
    r"|secret(?:[_-]?access)?(?:[_-]?key)?|password|passwd|pwd)[\"']?\s*[:=]\s*[\"']?)(?!<)[^\s\"'<>,;]{6,})",
    re.DOTALL,
)
_MOST_PASSES = 5  # what was glued to something replaced stands alone afterwards and is found in the next pass
_NOTHING: Mapping[str, int] = MappingProxyType({})
_NEEDS = {
    "secret": Hint.SECRET,
    "email": Hint.EMAIL,
    "iban": Hint.NUMBER,
    "card": Hint.NUMBER,
    "ip": Hint.ADDRESS,
    "phone": Hint.NUMBER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RedactSettings:
    """What is replaced.

    Args:
        kinds: of ``secret``, ``email``, ``iban``, ``card``, ``ip`` and ``phone``.
        regions: countries (ISO 3166) whose national telephone numbers are known; those with ``+`` always are.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    kinds: tuple[str, ...] = KINDS
    regions: tuple[str, ...] = ("US", "GB", "DE")

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in KINDS:
                raise ValueError(f'"{kind}" cannot be redacted; known kinds: {", ".join(KINDS)}')
        for region in self.regions:
            if not re.fullmatch("[A-Z]{2}", region):
                raise ValueError(f'"{region}" is no country; write two capitals such as "US"')


class Redactor:
    """Replaces what it finds by ``<EMAIL>``, ``<PHONE>`` and so on; doing it twice changes nothing more.

    Args:
        settings: what is replaced.
    """

    def __init__(self, settings: RedactSettings) -> None:
        finders: Mapping[str, Callable[[str], Iterator[tuple[int, int]]]] = {
            "secret": _secrets,
            "email": _emails,
            "iban": _ibans,
            "card": _cards,
            "ip": _addresses,
            "phone": self._phones,
        }
        self._finders = [(kind, int(_NEEDS[kind]), finders[kind]) for kind in KINDS if kind in settings.kinds]
        self._wanted = sum({need for _, need, _ in self._finders})
        self._regions = settings.regions

    def redact(self, body: str) -> tuple[str, Mapping[str, int]]:
        """Return the body with placeholders, and how many of each kind."""
        likely = hints([body])[0] & self._wanted
        return self._replaced(body, likely) if likely else (body, _NOTHING)

    def redact_all(self, bodies: Sequence[str]) -> Iterator[tuple[int, str]]:
        """Yield the place and the new words of each body that holds something; the others stay as they are."""
        for place, hint in enumerate(hints(bodies)):
            if hint & self._wanted:
                body, found = self._replaced(bodies[place], hint & self._wanted)
                if found:
                    yield place, body

    def _replaced(self, body: str, likely: int) -> tuple[str, Mapping[str, int]]:
        found: Counter[str] = Counter()
        for _ in range(_MOST_PASSES):
            before = found.total()
            for kind, need, find in self._finders:
                spans = list(find(body)) if likely & need else []
                for start, end in reversed(spans):
                    body = f"{body[:start]}<{kind.upper()}>{body[end:]}"
                if spans:
                    found[kind] += len(spans)
                    likely = hints([body])[0]
            if found.total() == before:
                break
        return body, found

    def _phones(self, body: str) -> Iterator[tuple[int, int]]:
        yield from _apart(list(spans_of_phones(body, self._regions)))


def _secrets(body: str) -> Iterator[tuple[int, int]]:
    for match in _SECRETS.finditer(body):
        yield max(match.start(), match.end("name")), match.end()


def _emails(body: str) -> Iterator[tuple[int, int]]:
    yield from (match.span() for match in _EMAIL.finditer(body))


def _ibans(body: str) -> Iterator[tuple[int, int]]:
    from stdnum import iban

    for match in _IBAN.finditer(body):
        words = match[0].split(" ")
        # The pattern may run on into the words behind the number: take the longest beginning that checks.
        for count in range(len(words), 0, -1):
            candidate = " ".join(words[:count])
            if iban.is_valid(candidate):
                yield match.start(), match.start() + len(candidate)
                break


def _cards(body: str) -> Iterator[tuple[int, int]]:
    from stdnum import luhn

    for match in _CARD.finditer(body):
        if luhn.is_valid(re.sub(r"[ -]", "", match[0])):
            yield match.span()


def _addresses(body: str) -> Iterator[tuple[int, int]]:
    spans = [match.span() for pattern in (_IPV6, _IPV4) for match in pattern.finditer(body) if _is_address(match[0])]
    yield from _apart(spans)


def _is_address(words: str) -> bool:
    try:
        address = ipaddress.ip_address(words)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def _apart(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the spans in order, of overlapping ones the longest that begins first."""
    end = -1
    for start, stop in sorted(set(spans), key=lambda span: (span[0], -span[1])):
        if start >= end:
            yield start, stop
            end = stop
