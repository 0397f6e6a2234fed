"""A file of cases, read with the policies that it tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from driftwatch.policy.cases.form import Case, CaseFile, Expected, ExpectedAlert, GivenRun
from driftwatch.policy.cases.series import LONGEST, parse_series
from driftwatch.policy.mistakes import ExpressionError, MistakesError, nearest
from driftwatch.policy.rules import load_policies
from driftwatch.policy.source import read_source
from driftwatch.policy.variables import VARIABLES, Kind, Variable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from driftwatch.policy.mistakes import Mistake
    from driftwatch.policy.ruleset import Policy
    from driftwatch.policy.source import Place, Source
    from driftwatch.policy.variables import Value

ANY_STREAM = "any"
"""The stream that policies for every stream are tried on."""

WINDOW = Variable(
    name="window",
    kind=Kind.WORD,
    unit="",
    description="whether there was enough data",
    words=("assessed", "too-little-data"),
)
"""What a case may say of a window beside the variables."""

_FACTS = ("champion.", "reference.", "runs.")
_DEEPER: Mapping[str, type[BaseModel]] = {
    "tests": Case,
    "runs": GivenRun,
    "expect": Expected,
    "alert": ExpectedAlert,
}
_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """A file of cases, ready to be tried.

    Args:
        source: as it was read.
        file: its content.
        stream: that the policies are tried on.
        policy: the rules.
        series: of each case, by variable: what it is in window after window, all of one length.
    """

    source: Source
    file: CaseFile
    stream: str
    policy: Policy
    series: tuple[Mapping[str, Sequence[Value | None]], ...]


def read_cases(path: Path, *, recipes: Collection[str], streams: Collection[str] = ()) -> Cases:
    """Read a file of cases and the policies that it names, which lie beside it.

    Args:
        path: of the file.
        recipes: names of the known recipes.
        streams: names of the configured streams; empty where there is no configuration.

    Raises:
        MistakesError: everything that is wrong, in the file or in a policy, each as ``file:line:column``.
    """
    source = read_source(path)
    if "rules" in source.data and "tests" not in source.data:
        place = source.place(("rules",), key=True)
        cure = f"write them into a file beside it, such as {path.stem}.test.yaml"
        raise MistakesError([source.mistake("these are rules, no cases", place, cure=cure)])
    try:
        file = CaseFile.model_validate(source.data)
    except ValidationError as error:
        raise MistakesError(_mistakes(source, error)) from None
    paths = [path.parent / name for name in _listed(file.policy)]
    named = dict.fromkeys(name for each in paths for name in _streams(each))
    stream = file.stream or next(iter(named), next(iter(streams), ANY_STREAM))
    policy = load_policies(paths, streams=tuple(dict.fromkeys((*streams, *named, stream))), recipes=recipes)
    mistakes = list(_of_rules(source, file, policy, stream))
    series = []
    for index, case in enumerate(file.tests):
        found = _series(source, index, case, mistakes)
        series.append(found)
        count = max((len(each) for each in found.values()), default=0)
        mistakes += _of_places(source, index, case, count, file)
    if mistakes:
        raise MistakesError(mistakes)
    return Cases(source=source, file=file, stream=stream, policy=policy, series=tuple(series))


def _listed(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else names


def _streams(path: Path) -> list[str]:
    """Return the streams that a policy names; what is wrong with it is told when its rules are read."""
    try:
        wanted = read_source(path).data.get("stream")
    except MistakesError:
        return []
    return [name for name in wanted if isinstance(name, str)] if isinstance(wanted, list) else []


def _series(source: Source, index: int, case: Case, mistakes: list[Mistake]) -> Mapping[str, Sequence[Value | None]]:
    """Return a case's series, each as long as the longest: one value stands for all windows, others end unmeasured."""
    read: dict[str, tuple[Value | None, ...]] = {}
    for name, text in case.series.items():
        path = ("tests", index, "series", name)
        variable = WINDOW if name == WINDOW.name else VARIABLES.get(name)
        if variable is None or name.startswith(_FACTS):
            mistakes.append(_no_series(source, path, name))
            continue
        try:
            read[name] = parse_series(text, variable)
        except ExpressionError as error:
            place = source.inside(path, line=error.line, column=error.column)
            mistakes.append(source.mistake(error.what, place, cure=error.cure))
    longest = max((len(values) for values in read.values()), default=0)
    return {
        name: values * longest if len(values) == 1 else (*values, *(None,) * (longest - len(values)))
        for name, values in read.items()
    }


def _no_series(source: Source, path: _Path, name: str) -> Mistake:
    place = source.place(path, key=True)
    if name in VARIABLES:
        cure = f"write {name.partition('.')[0]}: beside series, such as {_INSTEAD[name.partition('.')[0]]}"
        return source.mistake(f'"{name}" follows from the case', place, cure=cure)
    near = nearest(name, [*VARIABLES, WINDOW.name])
    cure = f'did you mean "{near}"?' if near else "docs/policies.md lists the variables"
    return source.mistake(f'there is no variable "{name[:80]}"', place, cure=cure)


_INSTEAD = {"champion": "champion: 30d", "reference": "reference: 30d", "runs": "runs: [{ago: 2d, lasts: 5h}]"}


def _of_rules(source: Source, file: CaseFile, policy: Policy, stream: str) -> Iterator[Mistake]:
    """Find names of rules that the stream does not have."""
    known = [rule.name for rule in policy.of(stream)]
    for index, case in enumerate(file.tests):
        named: list[tuple[_Path, str, bool]] = [
            (("tests", index, "acts", name), name, True) for name in (case.acts or {})
        ]
        named += [(("tests", index, "expect", at, "rule"), each.rule, False) for at, each in enumerate(case.expect)]
        named += [
            (("tests", index, "runs", at, "rule"), each.rule, False)
            for at, each in enumerate(case.runs)
            if each.ago is None
        ]
        for path, name, key in named:
            if name not in known:
                near = nearest(name, known)
                cure = f'did you mean "{near}"?' if near else f"its rules: {', '.join(known) or 'none'}"
                place = source.place(path, key=key)
                yield source.mistake(f'stream {stream} has no rule "{name[:80]}"', place, cure=cure)


def _of_places(source: Source, index: int, case: Case, count: int, file: CaseFile) -> Iterator[Mistake]:
    """Find expectations of windows that the case does not have."""
    interval = case.interval or file.interval
    places: list[tuple[_Path, int]] = [
        (("tests", index, "acts", rule, at), window_of(each.window, each.after, interval))
        for rule, listed in (case.acts or {}).items()
        for at, each in enumerate(listed)
    ]
    places += [
        (("tests", index, "expect", at, "at"), window_of(each.at.window, each.at.after, interval))
        for at, each in enumerate(case.expect)
    ]
    for path, window in places:
        if window >= count:
            cure = f"the case has {count} windows, 0 to {count - 1}" if count else "give it series"
            yield source.mistake(f"there is no window {window}", source.place(path), cure=cure)
    if case.acts is None and not case.expect:
        place = source.place(("tests", index))
        yield source.mistake("this case expects nothing", place, cure="write acts: {} where no rule may act")


def window_of(window: int | None, after: object, interval: object) -> int:
    """Return the number of a window that is given by its number or by the time since the first."""
    if window is not None:
        return window
    return min(int(after / interval), LONGEST)  # type: ignore[operator]  # two durations


def _mistakes(source: Source, error: ValidationError) -> list[Mistake]:
    """Return what the validation found, in the order of the file."""
    found: list[tuple[Place, str, str | None]] = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        path = _known(source, item["loc"])
        key = str(item["loc"][-1])
        if item["type"] == "extra_forbidden":
            known = list(_model(path[:-1]).model_fields)
            near = nearest(key, known)
            cure = f'did you mean "{near}"?' if near else f"known here: {', '.join(known)}"
            found.append((source.place(path, key=True), f'unknown key "{key}"', cure))
        elif item["type"] == "missing":
            found.append((source.place(path), f'"{key}" is missing', "add it; see docs/policies.md"))
        else:
            found.append((source.place(path), _lower(item["msg"].removeprefix("Value error, ")), None))
    unique = dict.fromkeys(sorted(found, key=lambda each: (each[0].line, each[0].column)))
    return [source.mistake(what, place, cure=cure) for place, what, cure in unique]


def _known(source: Source, loc: _Path) -> _Path:
    """Return where a finding lies in the file; validation adds names of its own to the way."""
    path: _Path = ()
    for step in loc:
        if (*path, step) in source.nodes:
            path = (*path, step)
    return path


def _model(path: _Path) -> type[BaseModel]:
    names = [step for step in path if isinstance(step, str) and step in _DEEPER]
    return _DEEPER[names[-1]] if names else CaseFile


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
