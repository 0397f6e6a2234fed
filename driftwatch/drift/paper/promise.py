"""What is guaranteed about an alarm, and what is not."""

from __future__ import annotations

from driftwatch.paper.frame import safe


def promise(budget: str | None) -> str:
    """Return it, folded away.

    Args:
        budget: false alarms allowed, such as ``1 per 365d``; None where it is not known.
    """
    allowed = (
        f"<p>This stream's budget of false alarms is <b>{safe(budget)}</b>.</p>"
        if budget
        else "<p>This stream's budget of false alarms is not known here; <code>driftwatch check</code> shows it.</p>"
    )
    return (
        "<details><summary>What is guaranteed, and what is not</summary>"
        f"{allowed}<h3>Guaranteed</h3><ul>"
        "<li>While the text stays like the reference, false alarms come on average no more often than the budget says, "
        "however often anybody looks and however long the stream runs.</li>"
        "<li>The chance of a false alarm within any stretch of the stream is at most its part of the budget.</li>"
        "<li>The new share is a lower bound: at least that much of the window is of a new kind, at 99% confidence.</li>"
        "</ul><h3>Under these conditions</h3><ul>"
        "<li>The reference is a fair sample of the text the model is meant for; with a chance of at most 1% for each "
        "bank of channels a draw of the reference is unlucky and the budget is not kept.</li>"
        "<li>Texts that belong together (a session, an author, repeats) fall into one block; between blocks the past "
        "does not tell how unusual the next block is.</li>"
        "<li>The budget is counted in texts at the stream's measured rate.</li></ul>"
        "<h3>Not guaranteed</h3><ul>"
        "<li>That every drift is seen: no alarm does not mean no drift. "
        "<code>driftwatch reference power</code> says what can be seen how soon.</li>"
        "<li>The onset is an estimate, good to a window or so when the drift is sudden, worse when it creeps in.</li>"
        "<li>Intervals, bands and the p-value hold for one planned look at this window, not for the worst of many.</li>"
        "<li>Clusters, map and exemplars show where to look; they prove nothing by themselves.</li>"
        "<li>Whether a change is harmful to people: the model's loss is all that is known about harm here.</li>"
        "</ul></details>"
    )
