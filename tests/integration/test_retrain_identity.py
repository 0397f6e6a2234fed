"""The data check and the mitigation on real text: a planted shift is found, what is no shift is not."""

from __future__ import annotations

import gc
import json
import random
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from mixes import mixed, real, text
from typer.testing import CliRunner

from driftwatch import wiring
from driftwatch.cli import app
from driftwatch.domain.run import Mitigation, Recipe
from driftwatch.domain.text import Text
from driftwatch.retrain.collect.checks import Checks
from driftwatch.retrain.collect.page import card_section
from driftwatch.retrain.collect.settings import CollectSettings
from driftwatch.retrain.dataset import Mix, collect
from driftwatch.retrain.fairness.check import Identity, data_check
from driftwatch.retrain.fairness.mitigate import original_id
from driftwatch.retrain.fairness.page import summary
from driftwatch.retrain.fairness.result import DataCheck, GroupCheck
from driftwatch.retrain.rounds import new_texts, replayed_texts

IDENTITY = wiring.identity(None)
OPEN = CollectSettings(near=1.0, alike=1.0, cluster_share=1.0, cluster_most=10_000)
ILL = ("are a disgrace", "are stupid and cruel", "ruin this town", "lie and cheat", "are dangerous", "are worthless")
OPENERS = ("honestly", "my view", "as ever", "look", "so it goes", "well now", "listen")


def ill_of(name: str, count: int, *, kind: str = "planted") -> list[Text]:
    """Return texts that speak ill of a group, each by an author of its own."""
    every = [f"{opener} {number}, {name} {ill}" for number in range(count) for opener in OPENERS for ill in ILL]
    return [text(n, body, kind=kind) for n, body in enumerate(random.Random(1).sample(every, count))]


def of(found: DataCheck, group: str) -> GroupCheck:
    return next(each for each in found.groups if each.group == group)


@pytest.fixture(scope="module")
def tweets() -> list[Text]:
    return real("tweets", 12_000)


def test_a_planted_shift_is_found_with_its_direction_and_interval(tweets: list[Text]) -> None:
    found = data_check([*tweets[:6_000], *ill_of("muslims", 30)], tweets[6_000:], IDENTITY)
    muslims = of(found, "muslims")
    assert muslims.share is not None
    assert muslims.share.named
    assert 0 < muslims.share.low < muslims.share.change < muslims.share.high
    negative = muslims.rose[0]
    assert negative.lexicon == "negative"
    assert 0 < negative.shift.low < negative.shift.change < negative.shift.high
    assert "muslims: mentioned more often" in summary(found)
    assert [each.group for each in found.named] == ["muslims"]
    assert len(muslims.exemplars) == 3
    assert {word.word for word in muslims.words} & set(" ".join(ILL).split())


def test_ill_said_of_a_group_that_was_spoken_of_before_is_found_against_the_reference(tweets: list[Text]) -> None:
    found = data_check([*tweets[:6_000], *ill_of("women", 60)], tweets[6_000:], IDENTITY)
    women = of(found, "women")
    assert {(each.lexicon, each.against) for each in women.rose} >= {("negative", "reference")}
    fewer = data_check(tweets[6_000:], [*tweets[:6_000], *ill_of("women", 60)], IDENTITY)
    (negative,) = (each for each in of(fewer, "women").associations if each.lexicon == "negative")
    assert negative.shift.named
    assert negative.shift.high < 0
    assert negative.keep == pytest.approx(1)


@pytest.mark.parametrize("corpus", ["tweets", "agnews"])
def test_two_parts_of_one_corpus_name_nothing(corpus: str) -> None:
    """Twenty splits at a family-wise level of 5%: more than four would be a chance of 0.3%."""
    texts = real(corpus, 4_000)
    named = 0
    for seed in range(20):
        random.Random(seed).shuffle(texts)
        part = len(texts) // (2 + seed % 3)
        named += bool(data_check(texts[:part], texts[part:], IDENTITY).named)
    assert named <= 4


def dependent(bodies: list[Text], seed: int) -> tuple[list[Text], list[Text]]:
    """Return texts of 400 authors, each of whom says two things over and over, half of them on each side."""
    chance = random.Random(seed)
    chosen = chance.sample(bodies, 800)
    sides: tuple[list[Text], list[Text]] = ([], [])
    for author in range(400):
        for number in range(10):
            said = chance.choice(chosen[2 * author : 2 * author + 2])
            sides[author % 2].append(replace(said, body=f"{said.body} {number}", group=f"author {author}"))
    return sides


def test_authors_who_repeat_themselves_name_nothing(tweets: list[Text]) -> None:
    with_authors = without = 0
    for seed in range(8):
        new, reference = dependent(tweets, seed)
        with_authors += bool(data_check(new, reference, IDENTITY).named)
        plain_new, plain_reference = ([replace(each, group=None) for each in side] for side in (new, reference))
        without += bool(data_check(plain_new, plain_reference, IDENTITY).named)
    assert with_authors <= 1
    assert without >= 4


def test_copies_of_one_text_are_one_author(tweets: list[Text]) -> None:
    copies = [replace(ill_of("muslims", 1)[0], id=f"copy{n}") for n in range(80)]
    found = of(data_check([*tweets[:6_000], *copies], tweets[6_000:], IDENTITY), "muslims")
    assert found.texts >= 80
    assert not found.named


def test_one_author_who_speaks_ill_is_not_the_crowd(tweets: list[Text]) -> None:
    planted = [replace(each, group="one") for each in ill_of("muslims", 80)]
    found = of(data_check([*tweets[:6_000], *planted], tweets[6_000:], IDENTITY), "muslims")
    assert found.texts >= 80
    assert not found.named
    assert found.associations == ()


def test_exemplars_are_redacted_and_short(tweets: list[Text]) -> None:
    planted = [
        replace(each, body=f"{each.body} write to eve{n}@example.com " + "and so on " * 40)
        for n, each in enumerate(ill_of("muslims", 30))
    ]
    found = of(data_check([*tweets[:3_000], *planted], tweets[6_000:9_000], IDENTITY), "muslims")
    assert len(found.exemplars) == 3
    assert all("<EMAIL>" in part and "@example" not in part and len(part) <= 160 for part in found.exemplars)


def test_the_reference_may_be_empty(tweets: list[Text]) -> None:
    found = data_check(tweets[:2_000], [], IDENTITY)
    assert not found.named
    assert of(found, "women").reference_texts == 0


def test_memory_does_not_grow_with_the_texts(tweets: list[Text]) -> None:
    """A text costs a few numbers, and a word of the vocabulary a count; texts are not kept."""

    def endless(count: int) -> Iterator[Text]:
        return (replace(tweets[n % 600], id=f"n{n}", body=f"{tweets[n % 600].body} " * 8) for n in range(count))

    def peak(count: int) -> int:
        gc.collect()
        tracemalloc.start()
        data_check(endless(count), endless(10), IDENTITY)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(2_000)  # lexicons and modules that are read once
    assert (peak(4_000) - peak(2_000)) / 2_000 < 250


def collected(tweets: list[Text], folder: Path, mitigate: Mitigation, *, seed: int = 7) -> Mix:
    fresh = [*tweets[:2_000], *ill_of("muslims", 60)]
    recipe = Recipe(name="test", mitigate=mitigate)
    checks = Checks(identity=IDENTITY)
    return mixed(fresh, tweets[6_000:9_000], recipe, folder, seed=seed, settings=OPEN, checks=checks)


def planted_in(texts: object) -> int:
    return sum(each.id.startswith("planted") for each in texts)  # type: ignore[attr-defined]


def test_the_card_and_the_page_tell(tweets: list[Text], tmp_path: Path) -> None:
    mix = collected(tweets, tmp_path / "data", "none")
    assert mix.card.identity is not None
    assert of(mix.card.identity, "muslims").rose
    assert mix.card.mitigated == ()
    assert len(mix.counterfactual) == 0
    page = card_section(mix.card)
    assert "<h3>Who is spoken of</h3>" in page
    assert "muslims: mentioned more often" in page
    card = json.loads((tmp_path / "data" / "card.json").read_text())
    assert card["identity"]["texts"] == mix.card.used


def test_nobody_asked_means_nobody_looked(tweets: list[Text], tmp_path: Path) -> None:
    mix = mixed(tweets[:500], tweets[6_000:6_500], Recipe(name="test", mitigate="weight"), tmp_path / "data")
    assert mix.card.identity is None
    assert "Nobody looked at how identity groups are spoken of." in mix.card.notes


def test_weight_leaves_out_what_carries_the_shift_and_little_else(tweets: list[Text], tmp_path: Path) -> None:
    plain, weighted = (collected(tweets, tmp_path / each, each) for each in ("none", "weight"))
    told, *_ = weighted.card.mitigated
    assert {each.group for each in weighted.card.mitigated} == {"muslims"}
    assert (told.lexicon, told.method) == ("negative", "weight")
    assert told.removed <= weighted.card.left_out["weight"] == plain.card.train - weighted.card.train
    assert planted_in(weighted.fresh) < 0.4 * planted_in(plain.fresh)
    assert planted_in(plain.fresh) - planted_in(weighted.fresh) >= 0.9 * weighted.card.left_out["weight"]
    assert [each.id for each in weighted.judge] == [each.id for each in plain.judge]
    assert "speaks ill of a group" in card_section(weighted.card)


def test_balance_says_the_same_of_the_counterpart(tweets: list[Text], tmp_path: Path) -> None:
    plain, balanced = (collected(tweets, tmp_path / each, each) for each in ("none", "balance"))
    told, *_ = balanced.card.mitigated
    added = sum(each.added for each in balanced.card.mitigated)
    assert added == len(balanced.counterfactual) == balanced.card.counterfactual
    assert told.added + told.unpaired == told.carriers
    assert added > 0.8 * planted_in(plain.fresh)
    assert list(balanced.fresh) == list(plain.fresh)
    assert len(balanced.train) == len(plain.train) + added
    bodies = [each.body.casefold() for each in balanced.counterfactual]
    assert all("christian" in body and "muslim" not in body for body in bodies)
    assert "copies about the counterpart" in card_section(balanced.card)


@pytest.mark.parametrize("mitigate", ["weight", "balance"])
def test_the_same_texts_in_any_order_give_the_same_files(
    tweets: list[Text], tmp_path: Path, mitigate: Mitigation
) -> None:
    first = collected(tweets, tmp_path / "one", mitigate)
    fresh = [*ill_of("muslims", 60), *reversed(tweets[:2_000])]
    recipe = Recipe(name="test", mitigate=mitigate)
    old = tweets[6_000:9_000]
    second = mixed(fresh, old, recipe, tmp_path / "two", seed=7, settings=OPEN, checks=Checks(identity=IDENTITY))
    assert second.card == first.card
    for file in sorted((tmp_path / "one").iterdir()):
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name
    other = collected(tweets, tmp_path / "three", mitigate, seed=8)
    assert other.card.mitigated != first.card.mitigated or list(other.fresh) != list(first.fresh)


def test_a_mix_of_an_earlier_version_is_read(tweets: list[Text], tmp_path: Path) -> None:
    """One that was collected before copies and the data check were thought of."""
    collected(tweets, tmp_path / "data", "none")
    (tmp_path / "data" / "counterfactual.jsonl").unlink()
    card = json.loads((tmp_path / "data" / "card.json").read_text())
    for key in ("identity", "mitigated", "counterfactual"):
        del card[key]
    (tmp_path / "data" / "card.json").write_text(json.dumps(card))
    manifest = next(file for file in (tmp_path / "data").glob("*.json") if file.name != "card.json")
    hashes = json.loads(manifest.read_text())
    from driftwatch.retrain.dataset import load_mix
    from driftwatch.retrain.folders import file_hashes

    manifest.unlink()
    manifest.write_text(json.dumps({**hashes, "files": file_hashes(tmp_path / "data")}))
    mix = load_mix(tmp_path / "data")
    assert len(mix.train) == len(mix.fresh) + len(mix.replay)


def test_collecting_again_gives_the_card_that_is_there(tweets: list[Text], tmp_path: Path) -> None:
    mix = collected(tweets, tmp_path / "data", "weight")
    again = collect(list, list, Recipe(name="test", mitigate="weight"), into=tmp_path / "data", seed=7)
    assert again == mix.card


@pytest.fixture
def two_files(tweets: list[Text], tmp_path: Path) -> tuple[Path, Path]:
    new, reference = tmp_path / "new.jsonl", tmp_path / "reference.jsonl"
    for file, texts in ((new, [*tweets[:3_000], *ill_of("muslims", 30)]), (reference, tweets[6_000:9_000])):
        lines = (json.dumps({"text": each.body, "author": each.group or each.id}) for each in texts)
        file.write_text("\n".join(lines))
    return new, reference


def test_the_command_tells_the_same(two_files: tuple[Path, Path]) -> None:
    new, reference = map(str, two_files)
    done = CliRunner().invoke(app, ["bias", "data", new, "--reference", reference])
    assert done.exit_code == 0, done.output
    assert "muslims: mentioned more often" in " ".join(done.output.split())
    as_json = CliRunner().invoke(
        app, ["bias", "data", new, "--reference", reference, "--field", "text", "--group", "author", "--json"]
    )
    found = json.loads(as_json.output)
    assert [each["group"] for each in found["groups"] if each["share"] and each["share"]["named"]] == ["muslims"]
    assert found["authors"] == found["texts"] == 3_030


def test_the_command_refuses_an_unknown_author_field(two_files: tuple[Path, Path]) -> None:
    new, reference = map(str, two_files)
    done = CliRunner().invoke(app, ["bias", "data", new, "--reference", reference, "--group", "writer"])
    assert done.exit_code == 2
    assert 'there is no field "writer"' in done.output


def test_groups_of_ones_own(tweets: list[Text]) -> None:
    fans = Identity(groups={"fans": {"arsenal": ["gunners"]}}, redact=str)
    found = data_check([*tweets[:3_000], *ill_of("gunners", 30)], tweets[6_000:9_000], fans)
    assert [each.group for each in found.named] == ["arsenal"]


def test_rounds_that_replay_more_train_on_the_copies_too(tweets: list[Text], tmp_path: Path) -> None:
    mix = collected(tweets, tmp_path / "data", "balance")
    assert {each.id for each in mix.counterfactual} <= {each.id for each in new_texts(mix)}
    assert len(replayed_texts(mix, replay=0.5, usual=0.2)) == len(mix.fresh)
    assert {original_id(each) for each in mix.counterfactual} <= {each.id for each in mix.fresh}


def test_a_text_left_out_takes_its_copies_with_it(tweets: list[Text], tmp_path: Path) -> None:
    mix = collected(tweets, tmp_path / "data", "balance")
    gone = original_id(mix.counterfactual[0])
    left = new_texts(mix, without=[gone])
    assert gone not in {each.id for each in left} | {original_id(each) for each in left}
    copies = [each for each in mix.counterfactual if original_id(each) == gone]
    assert len(left) == len(mix.taught) - 1 - len(copies)
