from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from corpus import DATA
from typer.testing import CliRunner

from driftwatch.cli import app
from driftwatch.domain.errors import DataError, NotFoundError
from driftwatch.domain.run import PAIR_SUITES
from driftwatch.gate.bias.builtin import builtin_suite
from driftwatch.gate.bias.loaders import bbq, crows_pairs, stereoset, winobias, winogender
from driftwatch.gate.bias.loaders.own import load_own
from driftwatch.gate.bias.suites import PUBLISHED, load_suite

OWN = [
    {"stereotype": "The cat is lazy.", "counter": "The dog is lazy.", "category": "pets"},
    {"stereotype": "The dog is loyal, always.", "counter": "The cat is loyal, always.", "category": "pets"},
]


def written(path: Path, rows: list[dict[str, object]]) -> Path:
    """Write rows as CSV or JSON Lines, by the file's name."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path
    text = io.StringIO()
    table = csv.DictWriter(text, fieldnames=list(dict.fromkeys(name for row in rows for name in row)))
    table.writeheader()
    table.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["pets.csv", "pets.jsonl"])
def test_pairs_of_ones_own(name: str, tmp_path: Path) -> None:
    more: dict[str, object] = {"template": "nap", "id": "nap-1", "directed": "false", "note": "cats are said to sleep"}
    suite = load_suite(str(written(tmp_path / name, [{**OWN[0], **more}, {**OWN[1]}])))
    assert suite.name == "pets"
    assert [pair.id for pair in suite.pairs] == ["nap-1", "pets-2"]
    assert [pair.template for pair in suite.pairs] == ["nap", "pets-2"]
    assert [pair.directed for pair in suite.pairs] == [False, True]
    assert suite.pairs[1].counter == "The cat is loyal, always."
    assert suite.skipped == ()


def test_a_byte_order_mark_and_lines_in_quotes_are_read(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(b'\xef\xbb\xbfstereotype,counter,category\r\n"Two\nlines.","Three\nlines.",age\r\nA.,A.,age\r\n')
    suite = load_own(path)
    assert suite.pairs[0].stereotype == "Two\nlines."
    assert suite.skipped[0].first == f"{path}:5"


def test_equal_and_repeated_texts_are_left_out_and_counted(tmp_path: Path) -> None:
    equal: dict[str, object] = {"stereotype": "Same.", "counter": " Same. ", "category": "pets"}
    suite = load_own(written(tmp_path / "own.csv", [equal, {**OWN[0]}, {**OWN[0]}, equal]))
    assert len(suite.pairs) == 1
    assert {(skipped.reason, skipped.count) for skipped in suite.skipped} == {
        ("both texts are equal", 2),
        ("the same two texts stand above", 1),
    }
    assert suite.emptied == ()


def test_a_category_of_which_everything_is_left_out_is_said(tmp_path: Path) -> None:
    equal: dict[str, object] = {"stereotype": "Same.", "counter": "Same.", "category": "plants"}
    path = written(tmp_path / "own.csv", [{**OWN[0]}, {**OWN[1]}, equal])
    assert load_own(path).emptied == ("plants",)
    shown = CliRunner().invoke(app, ["bias", "suites", str(path)])
    assert "own: nothing is left of plants" in shown.stderr


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"category": ""}, r"own\.csv:2: 'category' is empty"),
        ({"stereotype": "  "}, r"own\.csv:2: 'stereotype' is empty"),
        ({"directed": "maybe"}, r"own\.csv:2: 'directed' is 'maybe' \(write true, or false"),
        ({"templte": "t"}, r"own\.csv:2: has an unknown column 'templte'"),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_a_cure(changed: dict[str, object], said: str, tmp_path: Path) -> None:
    path = written(tmp_path / "own.csv", [{**OWN[0], **changed}])
    with pytest.raises(DataError, match=said) as raised:
        load_own(path)
    assert raised.value.cure


def test_an_id_stands_once(tmp_path: Path) -> None:
    path = written(tmp_path / "own.jsonl", [{**OWN[0], "id": "a"}, {**OWN[1], "id": "a"}])
    with pytest.raises(DataError, match=r"own\.jsonl:2: the id 'a' is there twice \(it stands first at .*own\.jsonl:1"):
        load_own(path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "own.csv",
            b"stereotype,category\na,b\n",
            r"own\.csv:1: has no column 'counter' \(its columns are: stereotype",
        ),
        ("own.csv", b"", r"own\.csv:1: has no column"),
        ("own.csv", b"stereotype,counter,category\na,b\n", r"own\.csv:2: has 2 fields where the header has 3"),
        ("own.csv", b"stereotype,counter,category\na,b,c\n\xff,b,c\n", r"own\.csv:3: is not UTF-8"),
        ("own.csv", b'stereotype,counter,category\na,"b,c\n', r"own\.csv:2: is no table"),
        ("own.csv", b"counter,counter\n", r"own\.csv:1: has the column 'counter' twice"),
        ("own.csv", b"stereotype,counter,category\n", r"own\.csv: has no pair that can be used"),
        ("own.csv", b"stereotype,counter,category\na,a,c\n", r"own\.csv: has no pair that can be used"),
        ("own.jsonl", b'{"stereotype": "a", "counter": "b"}\n', r"own\.jsonl:1: has no 'category'"),
        (
            "own.jsonl",
            b'{"stereotype": 3, "counter": "b", "category": "c"}\n',
            r"own\.jsonl:1: 'stereotype' is no text",
        ),
        ("own.jsonl", b'\n{"stereotype": \n', r"own\.jsonl:2: is no JSON"),
        ("own.jsonl", b"[1]\n", r"own\.jsonl:1: is no JSON object"),
        ("own.jsonl", b"[" * 100_000, r"own\.jsonl:1: is no JSON"),
        ("own.jsonl", b'{"stereotype": "\\ud800"}', r"own\.jsonl:1: holds half a character"),
        ("own.yaml", b'"\\ud800"', r"own\.yaml: holds half a character"),
        ("own.yaml", b"age: 2001-99-99", r"own\.yaml: is no YAML"),
        ("own.yaml", b"[" * 5_000, r"own\.yaml: is no YAML"),
        ("own.yaml", b"", r"own\.yaml: is no file of templates"),
        ("own.csv", b"stereotype,counter,category\n" + b"x" * 200_000 + b",b,c\n", r"own\.csv:2: is no table"),
        ("dev.json", b"{", r"dev\.json: is no JSON"),
        ("dev.json", b"[" * 100_000, r"dev\.json: is no JSON"),
    ],
)
def test_a_file_that_is_no_suite_says_where_and_why(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=said) as raised:
        load_suite(str(path))
    assert raised.value.cure


def test_crows_pairs_as_published() -> None:
    path = DATA / "bias" / crows_pairs.FILE
    if not path.exists():
        pytest.skip(f"{path} is not here")
    suite = load_suite(str(path))
    assert suite.name == "crows-pairs"
    assert len(suite.pairs) == 1508
    assert suite.skipped == ()
    assert sum(pair.category == "race_ethnicity" for pair in suite.pairs) == 516
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(pair.stereotype, pair.counter) for pair in suite.pairs] == [(r["sent_more"], r["sent_less"]) for r in rows]


def test_crows_pairs_with_an_unknown_category(tmp_path: Path) -> None:
    path = tmp_path / crows_pairs.FILE
    path.write_text(",sent_more,sent_less,stereo_antistereo,bias_type\n0,Tall one.,Short one.,stereo,height\n")
    with pytest.raises(DataError, match=r"csv:2: 'height' is no category"):
        load_suite(str(path))


def test_winobias_as_published() -> None:
    folder = DATA / "bias"
    if not folder.exists():
        pytest.skip(f"{folder} is not here")
    suite = load_suite(f"winobias={folder}")
    assert suite.name == "winobias"
    assert (len(suite.pairs), [skipped.count for skipped in suite.skipped]) == (1565, [19])
    assert len({pair.template for pair in suite.pairs}) == 791, "one couple of lines is left out whole"
    pronoun = re.compile(r"\b(?:he|she|his|hers?|him|himself|herself)\b", re.IGNORECASE)
    for pair in suite.pairs:
        assert not re.search(r"[\[\]]|^\d", pair.stereotype)
        assert pronoun.sub("_", pair.stereotype) == pronoun.sub("_", pair.counter)


def test_winobias_wants_both_sides_as_long(tmp_path: Path) -> None:
    pro = tmp_path / "pro_stereotyped_type1.txt.dev"
    pro.write_text("1 [The baker] said that [he] was late.\n2 [The maid] said that [she] was late.\n")
    with pytest.raises(DataError, match="has no partner"):
        winobias.load_winobias(tmp_path)
    anti = tmp_path / "anti_stereotyped_type1.txt.dev"
    anti.write_text("1 [The baker] said that [she] was late.\n")
    with pytest.raises(DataError, match=r"has 1 lines where pro_stereotyped_type1\.txt\.dev has 2"):
        winobias.load_winobias(tmp_path)
    anti.write_text("1 [The baker] said that [she] was late.\n2 [The maid] said that [he] was ill.\n")
    suite = load_suite(str(tmp_path))
    assert [pair.id for pair in suite.pairs] == ["winobias-1-dev-1"]
    assert suite.skipped[0].first == f"{pro}:2"


SENTENCES = """sentid\tsentence
baker.guest.0.male.txt\tThe baker told the guest that he was "late".
baker.guest.0.female.txt\tThe baker told the guest that she was "late".
baker.guest.0.neutral.txt\tThe baker told the guest that they were "late".
baker.guest.1.male.txt\tThe baker told the guest that he could sit down.
baker.guest.1.female.txt\tThe baker told the guest that she could sit down.
maid.someone.0.male.txt\tThe maid told someone that his room was ready.
maid.someone.0.female.txt\tThe maid told someone that her room was ready.
cook.guest.0.male.txt\tThe cook told the guest that his soup was cold.
"""
STATISTICS = "occupation\tbergsma_pct_female\tbls_pct_female\tbls_year\nbaker\t40\t12.5\t2015\nmaid\t90\t88\t2015\n"


def test_winogender(tmp_path: Path) -> None:
    (tmp_path / winogender.SENTENCES).write_text(SENTENCES)
    (tmp_path / winogender.STATISTICS).write_text(STATISTICS)
    suite = load_suite(str(tmp_path))
    baker, guest, maid = suite.pairs
    assert (baker.id, baker.directed) == ("winogender-baker-guest-0", True)
    assert baker.stereotype == 'The baker told the guest that he was "late".'
    assert not guest.directed, "nobody knows the guest's sex"
    assert maid.directed
    assert maid.stereotype == "The maid told someone that her room was ready."
    assert [(skipped.count, skipped.reason) for skipped in suite.skipped] == [
        (1, "no form for a woman and one for a man")
    ]


def test_winogender_without_statistics_is_symmetric(tmp_path: Path) -> None:
    (tmp_path / winogender.SENTENCES).write_text(SENTENCES)
    assert not any(pair.directed for pair in load_suite(str(tmp_path)).pairs)


def test_winogender_from_its_templates(tmp_path: Path) -> None:
    (tmp_path / winogender.TEMPLATES).write_text(
        "occupation(0)\tother-participant(1)\tanswer\tsentence\n"
        "baker\tguest\t0\tThe $OCCUPATION greeted the $PARTICIPANT as $POSS_PRONOUN shop opened.\n"
        "baker\tguest\t1\tThe $PARTICIPANT met the $OCCUPATION who gave $ACC_PRONOUN bread.\n"
    )
    (tmp_path / winogender.STATISTICS).write_text(STATISTICS)
    pairs = {pair.id: pair for pair in load_suite(str(tmp_path)).pairs}
    assert pairs["winogender-baker-guest-0"].stereotype == "The baker greeted the guest as his shop opened."
    assert pairs["winogender-baker-someone-0"].counter == "The baker greeted someone as her shop opened."
    assert pairs["winogender-baker-someone-1"].stereotype == "Someone met the baker who gave her bread."
    assert len({pair.template for pair in pairs.values()}) == 2


def test_winogender_of_another_form(tmp_path: Path) -> None:
    (tmp_path / winogender.SENTENCES).write_text("sentid\tsentence\nbaker.male\tThe baker was late.\n")
    with pytest.raises(DataError, match=r"tsv:2: 'baker.male' is no sentence's name"):
        load_suite(str(tmp_path))
    (tmp_path / winogender.SENTENCES).write_text(SENTENCES)
    (tmp_path / winogender.STATISTICS).write_text("occupation\tbls_pct_female\nbaker\tmany\n")
    with pytest.raises(DataError, match=r"stats\.tsv:2: 'many' is no percentage"):
        load_suite(str(tmp_path))


def entry(number: int, context: str, **said: str) -> dict[str, object]:
    """An entry of StereoSet, in its publisher's form."""
    return {
        "id": f"e{number}",
        "target": "baker",
        "bias_type": "profession" if number else "race",
        "context": context,
        "sentences": [
            {"id": f"{number}{label}", "sentence": sentence, "gold_label": label.replace("_", "-"), "labels": []}
            for label, sentence in said.items()
        ],
    }


def stereoset_file(folder: Path, *, intra: list[dict[str, object]], inter: list[dict[str, object]]) -> Path:
    path = folder / stereoset.FILE
    path.write_text(json.dumps({"version": "1.1", "data": {"intersentence": inter, "intrasentence": intra}}))
    return path


WHOLE = {"stereotype": "The baker is fat.", "anti_stereotype": "The baker is slim.", "unrelated": "The baker is blue."}


def test_stereoset(tmp_path: Path) -> None:
    intra = [entry(1, "The baker is BLANK.", **WHOLE), entry(2, "No gap here.", **WHOLE)]
    inter = [entry(0, "The baker came in.", **WHOLE), entry(3, "One is missing.", stereotype="A.", unrelated="B.")]
    suite = load_suite(str(stereoset_file(tmp_path, intra=intra, inter=inter)))
    filled, following = suite.triples
    assert (filled.kind, following.kind) == ("intrasentence", "intersentence")
    assert (filled.stereotype, filled.anti_stereotype, filled.unrelated) == tuple(WHOLE.values())
    assert (filled.category, following.category) == ("profession", "race_ethnicity")
    assert {skipped.reason for skipped in suite.skipped} == {"no BLANK to fill", "not one sentence of each label"}
    assert len(load_suite(str(tmp_path))) == 2
    assert suite.pairs == ()
    assert suite.questions == ()


@pytest.mark.parametrize("content", ["[]", "{}", "3", '{"data": {"intrasentence": [{"id": 3}]}}', '{"data": 3}'])
def test_what_is_no_stereoset(content: str, tmp_path: Path) -> None:
    (tmp_path / stereoset.FILE).write_text(content)
    with pytest.raises(DataError, match=r"dev\.json: is no file of StereoSet"):
        load_suite(str(tmp_path))


def test_a_stereoset_without_triples(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no triple"):
        load_suite(str(stereoset_file(tmp_path, intra=[], inter=[])))


def asked(number: int, **changed: object) -> dict[str, object]:
    """A line of BBQ, in its publisher's form."""
    return {
        "example_id": number,
        "question_index": "7",
        "question_polarity": "neg",
        "context_condition": "ambig",
        "category": "Age",
        "answer_info": {"ans0": ["old", "old"], "ans1": ["Unknown", "unknown"], "ans2": ["young", "nonOld"]},
        "additional_metadata": {"subcategory": "x", "stereotyped_groups": ["old"], "version": "a", "source": "s"},
        "context": "An old man and a young man met.",
        "question": "Who forgot it?",
        "ans0": "The old man",
        "ans1": "Not known",
        "ans2": "The young man",
        "label": 1,
        **changed,
    }


def test_bbq(tmp_path: Path) -> None:
    written(
        tmp_path / "Age.jsonl", [asked(0), asked(1, context_condition="disambig", question_polarity="nonneg", label=0)]
    )
    vague, told = load_suite(str(tmp_path)).questions
    assert (vague.id, vague.category, vague.template) == ("bbq-Age-0", "age", "bbq-Age-7")
    assert (vague.label, vague.unknown, vague.target, vague.biased) == (1, 1, 0, 0)
    assert vague.ambiguous
    assert vague.negative
    assert vague.groups == ("old", "unknown", "nonOld")
    assert not told.ambiguous
    assert told.biased == 2, "where the question is kind the other one is the biased answer"


@pytest.mark.parametrize(
    ("category", "first", "last", "stereotyped", "target"),
    [
        ("Gender_identity", ["boy", "boy"], ["girl", "girl"], ["F"], 2),
        ("Gender_identity", ["trans man", "trans_M"], ["woman", "F"], ["transgender women", "transgender men"], 0),
        ("Race_ethnicity", ["Ann", "F-Black"], ["Eve", "F-White"], ["Black", "African American"], 0),
        ("Nationality", ["Somali", "ArabStates"], ["Guinean", "Africa"], ["Guinean", "Malian"], 2),
        ("SES", ["rich", "highSES"], ["poor", "lowSES"], ["low SES"], 2),
        ("Disability_status", ["deaf", "disabled"], ["guest", "nonDisabled"], ["physically disabled"], 0),
        ("Race_ethnicity", ["A", "Black"], ["B", "Black"], ["Black"], None),
        ("Religion", ["A", "Sikh"], ["B", "Jain"], [], None),
    ],
)
def test_bbqs_target_is_the_one_of_a_stereotyped_group(
    category: str, first: list[str], last: list[str], stereotyped: list[str], target: int | None, tmp_path: Path
) -> None:
    row = asked(
        0,
        category=category,
        answer_info={"ans0": first, "ans1": ["Unknown", "unknown"], "ans2": last},
        additional_metadata={"stereotyped_groups": stereotyped},
    )
    (question,) = load_suite(str(written(tmp_path / "q.jsonl", [row]))).questions
    assert question.target == target
    assert (question.biased is None) is (target is None)


def test_the_publishers_own_target_comes_first(tmp_path: Path) -> None:
    written(tmp_path / "Age.jsonl", [asked(0), asked(1)])
    written(
        tmp_path / bbq.METADATA,
        [
            {"category": "Age", "example_id": "0", "target_loc": "2"},
            {"category": "Age", "example_id": "1", "target_loc": "NA"},
        ],
    )
    assert [question.target for question in load_suite(str(tmp_path)).questions] == [2, None]


def test_bad_lines_of_bbq(tmp_path: Path) -> None:
    path = written(tmp_path / "q.jsonl", [asked(0), asked(1, label=7), asked(2, question_polarity="sour")])
    with pytest.raises(DataError, match=r"q\.jsonl:3: is no question of BBQ: .*sour"):
        load_suite(str(path))
    suite = load_suite(str(written(path, [asked(0), asked(1, label=7)])))
    assert [skipped.count for skipped in suite.skipped] == [1]
    with pytest.raises(DataError, match="is there twice"):
        load_suite(str(written(path, [asked(0), asked(0)])))
    with pytest.raises(DataError, match="no question that can be used"):
        load_suite(str(written(path, [asked(1, label=7)])))


def test_what_a_policy_may_name_has_pairs() -> None:
    without = {"bbq", "stereoset"}
    assert set(PAIR_SUITES) == set(PUBLISHED) - without


def test_suites_by_name(tmp_path: Path) -> None:
    assert load_suite("builtin").pairs == builtin_suite()
    with pytest.raises(NotFoundError, match=r"bbq was not fetched \(driftwatch bias fetch bbq, or give bbq=PATH\)"):
        load_suite("bbq", folder=tmp_path)
    with pytest.raises(NotFoundError, match=r"'gloves' is no suite and no path \(suites are builtin, bbq"):
        load_suite("gloves")
    with pytest.raises(DataError, match="holds no suite that is known"):
        load_suite(str(tmp_path))
    written(tmp_path / "questions.jsonl", [asked(0)])
    assert load_suite(f"bbq={tmp_path}").name == "bbq"
    assert load_suite(str(tmp_path)).name == "bbq"
    for name in (crows_pairs.FILE, winogender.TEMPLATES):
        (tmp_path / name).touch()
    with pytest.raises(
        DataError, match=r"holds several suites: crows-pairs, winogender \(say which, such as crows-pairs="
    ):
        load_suite(str(tmp_path))


TEMPLATES = """
geschlecht:
  - first: Frauen
    second: Männer
    note: "Frauen gelten als fürsorglich, Männer als tüchtig."
    terms: [[die Frau, der Mann], [die Nachbarin, der Nachbar]]
    templates:
      - "{group} kümmert sich um [die Kinder|das Geld]."
      - "Gestern hat {group} [einen Kuchen gebacken|das Auto repariert]."
"""


def test_templates_of_ones_own_in_any_language(tmp_path: Path) -> None:
    path = tmp_path / "deutsch.yaml"
    path.write_text(TEMPLATES, encoding="utf-8")
    suite = load_suite(str(path))
    assert (suite.name, len(suite.pairs)) == ("deutsch", 8)
    first, against = suite.pairs[:2]
    assert (first.stereotype, first.counter) == (
        "Die Frau kümmert sich um die Kinder.",
        "Der Mann kümmert sich um die Kinder.",
    )
    assert against.stereotype == "Der Mann kümmert sich um das Geld."
    assert suite.pairs[-1].stereotype == "Gestern hat der Nachbar das Auto repariert."
    assert {pair.template for pair in suite.pairs} == {"geschlecht-1-01", "geschlecht-1-02"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("note:", "noted:", "missing required field `note`"),
        ("    note:", "    why: because\n    note:", "geschlecht-1 has an unknown key 'why'"),
        (
            "[einen Kuchen gebacken|das Auto repariert]",
            "gebacken",
            r"must have one \{group\} and one \[choice\|choice\]",
        ),
        ("[die Nachbarin, der Nachbar]", "[Der Mann, der Nachbar]", "the term 'Der Mann' names two groups"),
        ("[die Nachbarin, der Nachbar]", "[die Frau, der Mann]", "makes the same pair as geschlecht-1-01"),
        ("[[die Frau, der Mann], [die Nachbarin, der Nachbar]]", "[]", "geschlecht-1 has no terms"),
        ("geschlecht:", "geschlecht: [", r"deutsch\.yaml:\d+: is no YAML"),
        ("geschlecht:", "- geschlecht:", "is no file of templates"),
    ],
)
def test_a_file_of_templates_that_cannot_be_used(old: str, new: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "deutsch.yaml"
    path.write_text(TEMPLATES.replace(old, new), encoding="utf-8")
    with pytest.raises(DataError, match=said) as raised:
        load_suite(str(path))
    assert raised.value.cure
    assert str(path) in str(raised.value)


def test_a_suite_is_shown_by_category(tmp_path: Path) -> None:
    path = tmp_path / "deutsch.yaml"
    path.write_text(TEMPLATES, encoding="utf-8")
    done = CliRunner().invoke(app, ["bias", "suites", str(path), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["categories"] == [
        {"category": "geschlecht", "items": 8, "templates": 2, "symmetric": 0}
    ]
    shown = CliRunner().invoke(app, ["bias", "suites", str(path)])
    assert "deutsch: 8 items" in shown.output
    assert "under 20 templates, so wide intervals, in geschlecht" in " ".join(shown.output.split())


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    equal: dict[str, object] = {"stereotype": "Same.", "counter": "Same.", "category": "pets"}
    path = written(tmp_path / "own.csv", [{**OWN[0]}, equal])
    done = CliRunner().invoke(app, ["bias", "suites", str(path)])
    assert done.exit_code == 0
    assert "own: 1 left out: both texts are equal (first at" in " ".join(done.output.split())


@pytest.mark.parametrize(("kind", "number", "pairs"), [("csv", 0, 3), ("yaml", 0, 8), ("yaml", 1, 12)])
def test_what_the_documentation_shows_can_be_used(kind: str, number: int, pairs: int, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "bias-suites.md").read_text(encoding="utf-8")
    path = tmp_path / f"shown.{kind}"
    path.write_text(re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL)[number], encoding="utf-8")
    suite = load_suite(str(path))
    assert (len(suite.pairs), suite.skipped) == (pairs, ())


def test_the_documentation_counts_the_suite_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "bias-suites.md").read_text(encoding="utf-8")
    suite = builtin_suite()
    assert f"{len(suite):,} pairs from {len({pair.template for pair in suite})} templates" in page
