"""The Token drift board: have the words moved, by how much, and which?"""

from __future__ import annotations

from grafana.boards import PAGES, Board, Row
from grafana.panels import GREEN, ORANGE, RED, Chart, Column, Link, Note, Query, Rows
from grafana.queries import of, quantile
from grafana.shared import DRIFT_ALARMS, PLAIN, WINDOWS, banded, now, plain

_LENGTH = "driftwatch_text_length_characters"

_STATUS = (
    DRIFT_ALARMS,
    now(
        "Token divergence",
        "tokens.jsd",
        "Jensen-Shannon divergence of the token distributions, bias-corrected, 0 to 1; the stream with most of it.",
        steps=((None, GREEN), (0.05, ORANGE), (0.1, RED)),
        decimals=3,
    ),
    now(
        "Unknown tokens now",
        "tokens.unknown_share",
        "Share of the last window's tokens that the reference does not hold; the stream with most of them.",
        unit="percentunit",
        steps=((None, GREEN), (0.01, ORANGE), (0.05, RED)),
    ),
    now(
        "Repeats within the window",
        "window.duplicate_share",
        "Share of the last window's texts that repeat another of it: a flood is an incident, not drift of language.",
        unit="percentunit",
        steps=((None, GREEN), (0.3, ORANGE), (0.6, RED)),
    ),
    now(
        "Known word for word now",
        "window.known_share",
        "Share of the last window's texts that the training data holds word for word: no evidence of drift.",
        unit="percentunit",
        steps=PLAIN,
    ),
    now(
        "Length of the texts",
        "text.length",
        "Median length of the window's texts, in tokens; the stream with the longest.",
        steps=PLAIN,
        decimals=0,
    ),
)

_DIVERGENCE = (
    banded(
        "Jensen-Shannon divergence",
        "tokens.jsd",
        "Of the token distributions of window and reference, bias-corrected, 0 to 1.",
    ),
    banded("Hellinger distance", "tokens.hellinger", "Of the token distributions, bias-corrected, 0 to 1."),
    banded("Population stability index", "tokens.psi", "Of the token distributions, bias-corrected."),
    banded(
        "Unknown tokens",
        "tokens.unknown_share",
        "Share of tokens that the reference does not hold.",
        unit="percentunit",
        least=0,
    ),
)

_WORDS = (
    Rows(
        title="Words that moved most",
        says="Shares of texts that hold the word, and its standard score, by rank. Prometheus holds no text: the words "
        "of these ranks stand, in the same order, on the window's page, where its number leads.",
        labels=("stream", "direction", "rank"),
        by="z",
        columns=(
            Column(name="Now", expr=of("driftwatch_word_share"), unit="percentunit", decimals=2),
            Column(name="Reference", expr=of("driftwatch_word_reference_share"), unit="percentunit", decimals=2),
            Column(
                name="z",
                expr=of("driftwatch_word_z"),
                decimals=1,
                steps=((None, ORANGE), (0, GREEN)),
            ),
            Column(
                name="Window",
                expr=f"0 * {of('driftwatch_word_z')} + on (job, instance, stream) group_left () "
                f"{of('driftwatch_window_index')}",
                unit="none",
                link=Link(
                    title="The words of this window",
                    url=f"{PAGES}/streams/${{__data.fields.stream}}/windows/${{__value.raw}}",
                ),
            ),
        ),
    ),
    Note(
        title="Where are the words?",
        says="Why the table has ranks and no words, and where the words are.",
        text=(
            "Words of a stream are its users' text. As labels they would stay in Prometheus for months, readable by "
            "everybody who may query it, each a series of its own. So the metrics hold **how** words moved, by rank, "
            "and the daemon's pages hold **which**:\n\n"
            "- the number in *Window* leads to the page with them, in the same order;\n"
            f"- [the status page]({PAGES}/) lists the streams and their windows;\n"
            "- `driftwatch incident STREAM WINDOW --out page.html` writes the incident page to a file.\n\n"
            "*Risen* words stand in more texts than in the reference, *fallen* ones in fewer. Only words are ranked "
            "that moved beyond chance, so there may be none."
        ),
    ),
)

_LENGTHS = (
    banded(
        "Length in tokens", "text.length", "Median of the window's distinct texts that the reference does not know."
    ),
    Chart(
        title="Length in characters",
        says="Half, 90% and 99% of the hour's texts are at most so long (by classes: a rough figure).",
        queries=(
            Query(expr=quantile(0.5, _LENGTH), legend="{{stream}} half"),
            Query(expr=quantile(0.9, _LENGTH), legend="{{stream}} 90%"),
            Query(expr=quantile(0.99, _LENGTH), legend="{{stream}} 99%"),
        ),
        least=0,
    ),
    plain(
        "Known word for word",
        "window.known_share",
        "Share of the last window's texts that the reference knows word for word: they are no evidence of drift, and "
        "no part of the comparisons above.",
        unit="percentunit",
    ),
    WINDOWS,
)

BOARD = Board(
    name="tokens",
    title="Token drift",
    says="Have the words moved, by how much, and which?",
    rows=(
        Row(title="Now", parts=_STATUS, width=4, height=4),
        Row(title="How far have the tokens moved?", parts=_DIVERGENCE, width=12, height=8),
        Row(title="Which words?", parts=_WORDS, width=12, height=11),
        Row(title="What kind of text is it?", parts=_LENGTHS, width=12, height=8),
    ),
)
