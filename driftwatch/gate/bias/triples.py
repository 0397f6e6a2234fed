"""What StereoSet is made of: three ways to go on, two of which make sense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TripleKind = Literal["intrasentence", "intersentence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Triple:
    """A context and three sentences: as prejudice has it, against it, and without sense.

    Source: Nadeem, Bethke and Reddy (2021), "StereoSet: Measuring stereotypical bias in pretrained language models",
    section 3. Their scores (LMS, SS, ICAT) are means over *targets* of means over a target's triples.

    Args:
        id: unique in its suite, stable as long as the suite's data is.
        category: such as ``gender`` or ``profession``.
        kind: ``intrasentence``: the three sentences are the context with its ``BLANK`` filled; ``intersentence``: each
            of them may follow the context.
        target: the group's term that the triple is about, such as ``schoolgirl``.
        context: as published; holds ``BLANK`` where the triple is intrasentence.
        stereotype: the whole sentence as prejudice has it.
        anti_stereotype: the whole sentence against it.
        unrelated: the whole sentence that makes no sense.
    """

    id: str
    category: str
    kind: TripleKind
    target: str
    context: str
    stereotype: str
    anti_stereotype: str
    unrelated: str
