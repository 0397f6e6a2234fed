"""How the boards ask Prometheus: every selector within the chosen job, instance and, where there is one, stream."""

from __future__ import annotations

_HERE = ('job=~"$job"', 'instance=~"$instance"')
_STREAM = 'stream=~"$stream"'
_DETECTOR = 'detector=~"$detector"'


def equal(label: str, value: str) -> str:
    """Return a matcher of one value of a label."""
    return f'{label}="{value}"'


def other(label: str, value: str) -> str:
    """Return a matcher of every other value of a label."""
    return f'{label}!="{value}"'


def among(label: str, values: str) -> str:
    """Return a matcher of some values of a label, parted by bars."""
    return f'{label}=~"{values}"'


def here(metric: str, *matchers: str) -> str:
    """Return a selector of the chosen daemons."""
    return f"{metric}{{{','.join((*_HERE, *matchers))}}}"


def of(metric: str, *matchers: str) -> str:
    """Return a selector of the chosen streams of the chosen daemons."""
    return here(metric, _STREAM, *matchers)


def measure(name: str, *, end: str = "") -> str:
    """Return a selector of a measure of the last windows, or of an end of where it lies without drift."""
    return of(f"driftwatch_drift_measure{end}", f'measure="{name}"')


def by_detector(metric: str) -> str:
    """Return a selector of the chosen detectors."""
    return of(metric, _DETECTOR)


def quantile(share: float, histogram: str) -> str:
    """Return a quantile of a histogram by stream, over the past hour; nothing where nothing was counted."""
    counts = f"sum by (stream, le) (increase({of(f'{histogram}_bucket')}[1h]))"
    counted = f"sum by (stream) (increase({of(f'{histogram}_count')}[1h])) > 0"
    return f"histogram_quantile({share:g}, {counts}) and on (stream) {counted}"
