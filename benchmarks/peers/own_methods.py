"""driftwatch's own methods, through the product's assessor, so that de-duplication and groups are the product's."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Literal

from benchmarks.peers.evidence import Evidence, EvidenceWindows
from benchmarks.peers.methods import LEVEL, Answer, NotThereError
from driftwatch.domain.drift import Window
from driftwatch.domain.features import Digest, Embeddings, Features, TokenCounts
from driftwatch.domain.text import Text
from driftwatch.drift.assess import DETECTORS, Assessor
from driftwatch.drift.features import take
from driftwatch.drift.mmd import MmdDetector
from driftwatch.drift.reference import build_reference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from benchmarks.peers.exchange import Texts
    from benchmarks.peers.methods import Fit, Rows, SequentialFit, WindowedFit
    from driftwatch.domain.drift import Reference
    from driftwatch.domain.protocols import Detector

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


class Corpus:
    """A corpus as the product's values.

    Args:
        texts: as exchanged.
    """

    def __init__(self, texts: Texts) -> None:
        self._bodies = texts.bodies
        self._rows = {body: row for row, body in enumerate(texts.bodies)}
        self._features = Features(
            embeddings=Embeddings(values=texts.embeddings, digest=Digest(texts.encoder)),
            tokens=TokenCounts(
                indptr=texts.indptr,
                ids=texts.ids,
                counts=texts.counts,
                vocabulary=texts.vocabulary,
                digest=Digest(texts.tokenizer),
            ),
            losses=None,
        )

    def reference(self, rows: Rows, *, seed: int) -> Reference:
        """Return the product's reference of these rows."""
        return build_reference(
            self._texts(rows),
            stream="peers",
            seed=seed,
            sample=len(rows),
            extract=self._extract,
            created_at=NOON,
        ).reference

    def window(self, rows: Rows, groups: Rows | None = None, *, index: int = 0) -> Window:
        """Return a window of these rows; groups are sessions, −1 for none."""
        return Window(
            stream="peers",
            index=index,
            texts=self._texts(rows, groups),
            features=take(self._features, rows),
            seqs=tuple(range(index * len(rows), (index + 1) * len(rows))),
        )

    def _texts(self, rows: Rows, groups: Rows | None = None) -> tuple[Text, ...]:
        named = [None] * len(rows) if groups is None else [None if group < 0 else f"s{group}" for group in groups]
        return tuple(
            Text(id=f"t{place}", body=self._bodies[row], seen_at=NOON, group=group)
            for place, (row, group) in enumerate(zip(rows, named, strict=True))
        )

    def _extract(self, texts: Sequence[Text]) -> Features:
        import numpy as np

        return take(self._features, np.array([self._rows[text.body] for text in texts], dtype=np.int64))


@lru_cache(maxsize=1)
def corpus_of(texts: Texts) -> Corpus:
    """Return the corpus, made once as long as it is the same one."""
    return Corpus(texts)


class Assessed:
    """A measure of the product's assessor as a test at 5%.

    Args:
        fit: reference and corpus.
        detectors: that the assessor runs.
        measure: the p-value to judge by.
    """

    def __init__(self, fit: Fit, *, detectors: Mapping[str, Detector], measure: str) -> None:
        self._corpus = corpus_of(fit.texts)
        self._assessor = Assessor(
            self._corpus.reference(fit.reference, seed=fit.seed), seed=fit.seed, detectors=detectors
        )
        self._measure = measure
        self._index = 0

    def judge(self, rows: Rows, groups: Rows) -> Answer:
        """Assess the window."""
        window = self._corpus.window(rows, groups, index=self._index)
        self._index += 1
        p = self._assessor.assess(window, first_seq=1, last_seq=len(rows)).value(self._measure)
        if p is None:
            raise NotThereError(f"the assessor gives no {self._measure}")
        return Answer(alarm=p <= LEVEL, value=p)


def _mmd(fit: Fit) -> Assessed | PValue:
    if fit.permutations:
        return PValue(fit)
    return Assessed(fit, detectors={"embedding": MmdDetector()}, measure="embedding.mmd_p")


class PValue:
    """The bare p-value of two samples of embeddings: what a permutation costs.

    Args:
        fit: reference and corpus.
    """

    def __init__(self, fit: Fit) -> None:
        self._fit = fit
        self._bandwidth = _median_distance(fit.embeddings)

    def judge(self, rows: Rows, groups: Rows) -> Answer:
        """Judge the window; it knows no groups."""
        import numpy as np

        from driftwatch.drift.mmd import mmd2, permuted, rbf

        del groups
        values = np.concatenate([self._fit.embeddings, self._fit.texts.embeddings[rows]])
        kernel = rbf(values, self._bandwidth)
        m = len(self._fit.reference)
        observed = float(mmd2(kernel, np.repeat([1.0, 0.0], [m, len(rows)])[:, None])[0])
        labels = [str(row) for row in range(len(values))]
        null = permuted(kernel, labels, len(rows), self._fit.permutations, np.random.default_rng(self._fit.seed))
        p = float((1 + (null >= observed).sum()) / (1 + len(null)))
        return Answer(alarm=p <= LEVEL, value=p)


def _median_distance(values: npt.NDArray[np.float32]) -> float:
    """Return the median distance of two texts; fixed at the reference, as the product does."""
    import numpy as np

    distances = np.maximum(2.0 - 2.0 * (values @ values.T), 0.0)  # unit rows
    return float(np.sqrt(np.median(distances)))


def _look(fit: Fit) -> Assessed:
    from importlib.util import find_spec

    if find_spec("driftwatch.drift.looks") is None:
        raise NotThereError("driftwatch.drift.looks does not exist in this version")
    return Assessed(fit, detectors=DETECTORS, measure="drift.look_p")


def _evidence(fit: Fit) -> Evidence:
    corpus = corpus_of(fit.texts)
    return Evidence(corpus, corpus.reference(fit.reference, seed=fit.seed), average_run_length=fit.size, seed=fit.seed)


def _evidence_windows(fit: Fit, dependence: Literal["auto", "independent"] = "independent") -> EvidenceWindows:
    corpus = corpus_of(fit.texts)
    reference = corpus.reference(fit.reference, seed=fit.seed)
    evidence = Evidence(corpus, reference, average_run_length=fit.size / LEVEL, seed=fit.seed, dependence=dependence)
    return EvidenceWindows(evidence)


PACKAGES = ("scipy.stats", "sklearn.cluster")
WINDOWED: Mapping[str, WindowedFit] = {
    "own.mmd": _mmd,
    "own.mmd-own": _mmd,
    "own.look": _look,
    "own.look-own": _look,
    "own.evidence": _evidence_windows,
    "own.evidence-own": _evidence_windows,
    "own.evidence-auto": partial(_evidence_windows, dependence="auto"),
}
SEQUENTIAL: Mapping[str, SequentialFit] = {"own.evidence": _evidence, "own.evidence-own": _evidence}
