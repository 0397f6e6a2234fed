"""Reads pieces of training data on a Ray cluster, as many at a time as it has processors.

A task reads one piece and sends back what it found; what that is depends on the piece and on what was asked alone, so a
task that is started again, as Ray does when a worker dies, finds the same. Few more pieces are under way than can be
read at a time, so what waits to be taken is bounded.

Source: Ray's documentation, "Pattern: Using ray.wait to limit the number of pending tasks" and "Task fault tolerance".
"""

from __future__ import annotations

import gc
import logging
import os
import socket
from collections import deque
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from driftwatch import __version__
from driftwatch.domain.errors import ConfigError, DriftwatchError, RunError
from driftwatch.drift.sifting import Asked, Sifted, Verdicts, sift
from driftwatch.intake.training import read_piece

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from driftwatch.intake.pieces import Piece
    from driftwatch.intake.training_records import TrainingFields

RETRIES = 5
"""How often a piece is read again whose worker died."""
_AHEAD = 2
_SHOWN = 300
_PATIENCE = 10.0


class RayEngine:
    """Reads pieces in tasks of a cluster that this process is connected to (see ``connected``).

    Args:
        workers: most pieces that are read at a time; None for as many as the cluster has processors.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers

    def sift(
        self, pieces: Sequence[Piece], fields: TrainingFields, *, ask: Callable[[], Asked], verdicts: Verdicts
    ) -> Iterator[tuple[Piece, Sequence[Sifted]]]:
        """Yield what is found in each piece, in order."""
        import ray

        task = ray.remote(num_cpus=1, max_retries=RETRIES)(_sift_piece)
        shared = ray.put(verdicts)
        under_way: deque[tuple[Piece, Any]] = deque()
        rest, most = iter(pieces), self._most()
        while True:
            for piece in islice(rest, most - len(under_way)):
                under_way.append((piece, task.remote(__version__, piece, fields, ask(), shared)))
            if not under_way:
                return
            piece, reference = under_way.popleft()
            yield piece, _taken(piece, reference)

    def _most(self) -> int:
        """Return how many pieces are under way: on a cluster of our size more than it can read at a time."""
        import ray

        processors = max(int(ray.cluster_resources().get("CPU", 1)), 1)  # type: ignore[no-untyped-call]
        return self._workers if self._workers and self._workers < processors else _AHEAD * processors


@contextmanager
def connected(address: str | None, workers: int | None) -> Iterator[RayEngine]:
    """Connect this process to a cluster, and let it go afterwards.

    Args:
        address: as ``ray.init`` takes it, such as ``ray-head:6379`` or ``ray://ray-head:10001``; None for that in
            ``RAY_ADDRESS``, or a cluster of this process's own on this host.
        workers: most pieces that are read at a time, and processors of a cluster of our own; None for all.

    Raises:
        ConfigError: ray is not installed.
        RunError: the cluster cannot be reached.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    address = address or os.environ.get("RAY_ADDRESS") or None
    try:
        import ray
    except ImportError:
        raise ConfigError("ray is not installed", cure="pip install 'driftwatchd[ray]', or --engine local") from None
    _check_reachable(address)
    ours: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False} if address is None else {}
    try:
        ray.init(address=address or "local", logging_level=logging.ERROR, log_to_driver=False, **ours)
    except (OSError, RuntimeError, ValueError, TimeoutError) as error:
        raise _unreachable(address, error) from error
    try:
        yield RayEngine(workers)
    finally:
        ray.shutdown()


def _check_reachable(address: str | None) -> None:
    """Ask whether anybody listens there: Ray itself tries for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if address is None or "://" in host or not port.isdigit():
        if address not in (None, "auto", "local"):
            raise _unreachable(address, ValueError("this is no host:port"))
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, error) from error


def _unreachable(address: str | None, error: Exception) -> RunError:
    return RunError(
        f"the Ray cluster cannot be reached: {_first_line(error)}",
        where=address,
        cure="start it with ray start --head, give its --address such as ray-head:6379 (not its dashboard's), or leave "
        "that out for a cluster on this host",
    )


def _sift_piece(
    version: str, piece: Piece, fields: TrainingFields, asked: Asked, verdicts: Verdicts
) -> Sequence[Sifted]:
    """Return what is found in a piece; called on a node."""
    if version != __version__:
        raise ConfigError(
            f"driftwatch {__version__} is installed on a node, {version} where the reference is built",
            where=socket.gethostname(),
            cure="install the same version on all nodes",
        )
    with _no_collections():
        return list(sift(read_piece(piece, fields), asked, verdicts))


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep Python from looking for cycles: texts are in none, and Ray's own objects are looked through each time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _taken(piece: Piece, reference: Any) -> Sequence[Sifted]:  # noqa: ANN401 - ray's
    import ray

    try:
        found: Sequence[Sifted] = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, DriftwatchError):
            raise error.cause from None
        raise RunError(f"a Ray task failed: {_first_line(error.cause)}", where=str(piece.path)) from error
    except ray.exceptions.RayError as error:
        raise RunError(
            f"a Ray worker did not read it, tried {RETRIES + 1} times: {_first_line(error)}",
            where=str(piece.path),
            cure="look at the nodes' memory and logs",
            retryable=True,
        ) from error
    return found


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:_SHOWN]
