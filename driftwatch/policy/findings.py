"""What the validation of a policy file found, in words for its author."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from driftwatch.domain.run import PAIR_SUITES
from driftwatch.policy.mistakes import Mistake, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pydantic import ValidationError

    from driftwatch.policy.forms import PolicyFile
    from driftwatch.policy.source import Source

_Path = tuple[str | int, ...]

_RULE = ("name", "when", "for", "clear", "do", "limits", "unless", "labels", "annotations")
_RETRAIN_ONLY = ("priority", "recipe", "need", "gates", "worth", "rounds", "max_hours", "promote", "probation")
_RUN_LIMITS = ("runs", "gpu_hours", "concurrency")
_KNOWN: Mapping[_Path, tuple[str, ...]] = MappingProxyType(
    {
        (): ("stream", "rules"),
        ("rules",): (*_RULE, *_RETRAIN_ONLY),
        ("rules", "need"): ("fresh_texts",),
        ("rules", "limits"): ("cooldown", "hours", "blackout", *_RUN_LIMITS),
        ("rules", "gates"): ("quality", "forgetting", "bias"),
        ("rules", "gates", "quality"): ("min_gain",),
        ("rules", "gates", "forgetting"): ("max_loss",),
        ("rules", "gates", "bias"): ("max_increase", "neutral", "not_shown", "suites"),
        ("rules", "worth"): ("probe_gain",),
        ("rules", "probation"): ("windows", "max_increase"),
    }
)
_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "string_type": "this must be text",
        "int_type": "this must be a whole number",
        "float_type": "this must be a number",
        "dict_type": "this must be a mapping (name: value)",
        "model_type": "this must be a mapping (name: value)",
        "model_attributes_type": "this must be a mapping (name: value)",
        "list_type": "this must be a list",
        "finite_number": "this must be a finite number",
        "too_short": "this must hold at least one",
    }
)
_CURES: Mapping[str, str] = MappingProxyType(
    {
        "string_type": "quote it",
        "list_type": 'begin each item with "- "',
    }
)
_EXAMPLES: Mapping[_Path, str] = MappingProxyType(
    {
        ("stream",): 'write stream: "*" or a list such as [support]',
        ("rules",): "write rules: and a list of them",
        ("rules", "name"): "write name: topic-shift, for example",
        ("rules", "when"): "write when: loss.increase > 0.05, for example",
        ("rules", "recipe"): "write recipe: small, for example",
        ("rules", "promote"): "write promote: approve or promote: auto",
        ("rules", "for"): "write for: 3 windows or for: 6h, for example",
        ("rules", "clear"): "write clear: 3 windows, clear: 6h or clear: loss.increase < 0.02, for example",
        ("rules", "unless"): "write unless: [other-rule]",
        ("rules", "limits", "cooldown"): "write cooldown: 24h, for example",
        ("rules", "limits", "runs"): "write runs: 4 per 30d, for example",
        ("rules", "limits", "gpu_hours"): "write gpu_hours: 20 per 30d, for example",
        ("rules", "limits", "hours"): 'write hours: "22:00-06:00 UTC", for example',
        ("rules", "limits", "blackout"): "write blackout: [2026-12-24..2027-01-02], for example",
        ("rules", "gates", "bias", "neutral"): "write 0, or 2 to 8",
        ("rules", "gates", "bias", "suites"): f"begin it with /, or write {', '.join(PAIR_SUITES)} or NAME=/PATH",
        ("rules", "gates", "bias", "not_shown"): "write approve, more-pairs or refuse",
    }
)
_MARKERS = frozenset(
    {"alert", "report", "retrain", "[key]", "constrained-str", "literal['*']", "list[constrained-str]", "list[str]"}
)
_MOST = 20


def mistakes_of(source: Source, error: ValidationError) -> list[Mistake]:
    """Return everything that the validation found, in the order of the file."""
    found = [
        _mistake(source, _path(source, item["loc"]), item["type"], item["msg"])
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return sorted(dict.fromkeys(found), key=_position)[:_MOST]


def no_policy(source: Source) -> Mistake | None:
    """Say that a file holds cases and no rules, where it does."""
    if "tests" not in source.data or "rules" in source.data:
        return None
    place = source.place(("tests",), key=True)
    return source.mistake("these are cases, no rules", place, cure="driftwatch policy test tries them")


def unknown_streams(source: Source, file: PolicyFile, streams: Collection[str]) -> Iterable[Mistake]:
    """Find streams that are not configured."""
    for index, stream in enumerate(file.stream if isinstance(file.stream, list) else ()):
        if stream not in streams:
            place = source.place(("stream", index))
            yield source.mistake(f'no stream is called "{stream}"', place, cure=_known(stream, streams, "streams"))


def unknown_recipes(source: Source, file: PolicyFile, recipes: Collection[str]) -> Iterable[Mistake]:
    """Find recipes that do not exist."""
    for index, rule in enumerate(file.rules):
        if rule.do == "retrain" and rule.recipe not in recipes:
            place = source.place(("rules", index, "recipe"))
            cure = _known(rule.recipe, recipes, "recipes")
            yield source.mistake(f'no recipe is called "{rule.recipe}"', place, cure=cure)


def no_more_pairs(source: Source, file: PolicyFile) -> Iterable[Mistake]:
    """Find rules whose bias gate wants more pairs and has none, or has some that nothing asks for."""
    for index, rule in enumerate(file.rules):
        if rule.do != "retrain":
            continue
        bias, path = rule.gates.bias, ("rules", index, "gates", "bias")
        if bias.not_shown == "more-pairs" and not bias.suites:
            place = source.place((*path, "not_shown"))
            cure = "add suites: [crows-pairs], for example, or a path"
            yield source.mistake("there are no more pairs to look at", place, cure=cure)
        if bias.suites and bias.not_shown != "more-pairs":
            place = source.place((*path, "suites"))
            yield source.mistake("these suites are never looked at", place, cure="add not_shown: more-pairs")


def _known(word: str, known: Collection[str], kind: str) -> str:
    near = nearest(word, known)
    return f'did you mean "{near}"?' if near else f"known {kind}: {', '.join(sorted(known)) or 'none'}"


def twice(source: Source, index: int, name: str, stream: str) -> Mistake:
    """Say that a stream has a rule of that name already."""
    place = source.place(("rules", index, "name"))
    return source.mistake(f'stream "{stream}" already has a rule "{name}"', place, cure="give each rule its own name")


def _position(mistake: Mistake) -> tuple[int, int]:
    line, column = mistake.where.rsplit(":", 2)[1:]
    return int(line), int(column)


def _path(source: Source, loc: _Path) -> _Path:
    """Return where a finding lies in the file; validation adds names of its own to the way."""
    path: _Path = ()
    for index, step in enumerate(loc):
        last = index == len(loc) - 1
        if (*path, step) in source.nodes or (last and step not in _MARKERS):
            path = (*path, step)
    return path


def _mistake(source: Source, path: _Path, kind: str, message: str) -> Mistake:
    bare = tuple(step for step in path if isinstance(step, str))
    if kind == "extra_forbidden":
        return _unknown(source, path, bare)
    if kind == "missing":
        place = source.place(path[:-1])
        return source.mistake(f'"{bare[-1]}" is missing', place, cure=_EXAMPLES.get(bare, "add it"))
    if bare == ("stream",):
        return source.mistake("this names no streams", source.place(path), cure='write "*" or a list such as [support]')
    if kind.startswith("union_tag"):
        return _untagged(source, path)
    what = _TYPES.get(kind) or message.removeprefix("Value error, ")
    if kind == "string_pattern_mismatch":
        return _pattern(source, path, bare)
    cure = _EXAMPLES.get(bare) or _CURES.get(kind)
    return source.mistake(_lower(what), source.place(path), cure=cure)


def _unknown(source: Source, path: _Path, bare: _Path) -> Mistake:
    place = source.place(path, key=True)
    key = str(bare[-1])
    retrains = (bare[:-1] == ("rules",) and key in _RETRAIN_ONLY) or (
        bare[:-1] == ("rules", "limits") and key in _RUN_LIMITS
    )
    if retrains:
        what = f'"{key}" has no meaning in a rule that does not retrain'
        return source.mistake(what, place, cure="remove it, or do: retrain")
    known = _KNOWN.get(bare[:-1], ())
    near = nearest(key, known)
    cure = f'did you mean "{near}"?' if near else f"known here: {', '.join(known)}"
    return source.mistake(f'unknown key "{key}"', place, cure=cure)


def _untagged(source: Source, path: _Path) -> Mistake:
    cure = "write do: alert, do: report or do: retrain"
    if (*path, "do") in source.nodes:
        return source.mistake("a rule alerts, reports or retrains", source.place((*path, "do")), cure=cure)
    return source.mistake('"do" is missing', source.place(path), cure=cure)


def _pattern(source: Source, path: _Path, bare: _Path) -> Mistake:
    if bare == ("rules", "name"):
        cure = "use up to 63 small letters, digits and . _ -, such as topic-shift"
        return source.mistake("this is no name for a rule", source.place(path), cure=cure)
    cure = "use letters, digits and _, beginning with a letter"
    return source.mistake(f'"{bare[-1]}" is no name for a label', source.place(path, key=True), cure=cure)


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
