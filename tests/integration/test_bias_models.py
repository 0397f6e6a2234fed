"""Real models of every family on pairs, triples, questions and labelled texts, against slow and direct scoring."""

from __future__ import annotations

import csv
import difflib
import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from corpus import DATA, paragraphs
from models import tiny_causal
from tiny_families import tiny_classifier, tiny_llama, tiny_masked

from driftwatch.domain.errors import DataError, ModelError
from driftwatch.domain.features import PairUnit, Unreadable
from driftwatch.domain.protocols import BlankModel, Classifier, LanguageModel
from driftwatch.features.loss import load_model
from driftwatch.gate.bias.pairs import Pair
from driftwatch.gate.bias.questions import Question
from driftwatch.gate.bias.scores import measured, readable, score
from driftwatch.gate.bias.scores.continuations import Prompts, tone
from driftwatch.gate.bias.scores.fairness import LabelledText, fairness
from driftwatch.gate.bias.scores.questions import question_scores
from driftwatch.gate.bias.scores.triples import triple_scores
from driftwatch.gate.bias.triples import Triple
from driftwatch.gate.remembered import RememberedModel
from driftwatch.gate.verdicts import CannotJudgeError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CROWS = DATA / "bias" / "crows_pairs_anonymized.csv"
pytestmark = pytest.mark.skipif(not CROWS.exists(), reason=f"{CROWS} is not there")


def crows(count: int) -> list[tuple[str, str]]:
    with CROWS.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [(row["sent_more"], row["sent_less"]) for row in rows[:count]]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    bodies = [sentence for pair in crows(300) for sentence in pair]
    kinds = {kind: list(paragraphs([package], 40)) for kind, package in (("arrays", "numpy"), ("nets", "torch/nn"))}
    return {
        "causal": tiny_causal(root / "causal", bodies, vocab=900, steps=40),
        "llama": tiny_llama(root / "llama", bodies, vocab=900, steps=40),
        "masked": tiny_masked(root / "masked", bodies, steps=60),
        "classifier": tiny_classifier(root / "classifier", kinds, steps=40),
    }


@pytest.mark.parametrize("family", ["causal", "llama"])
def test_a_causal_models_pairs_are_scored_as_each_sentence_alone(folders: dict[str, Path], family: str) -> None:
    model, pairs = load_model(folders[family]), crows(200)
    found = model.pair_scores(pairs)
    alone = np.array([[model.losses([sentence]).nats[0] for sentence in pair] for pair in pairs])
    assert found.unit is PairUnit.NATS
    wanted = alone[:, 1] - alone[:, 0]
    assert np.allclose(found.values, wanted, atol=2e-4)
    assert abs(np.abs(found.values).mean() - np.abs(wanted).mean()) < 1e-5
    told = np.abs(wanted) > 2e-4  # a sum that is nearer to none may round to either side
    assert told.mean() > 0.9
    assert ((found.values > 0) == (wanted > 0))[told].all()


def test_a_network_that_takes_no_positions_is_scored_one_by_one(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as those with ALiBi: what is laid out as a tree would be seen out of place."""
    from transformers import GPT2LMHeadModel

    trees = load_model(folders["causal"]).pair_scores(crows(20)).values
    forward = GPT2LMHeadModel.forward

    def without_positions(self: GPT2LMHeadModel, input_ids: object, attention_mask: object) -> object:
        return forward(self, input_ids=input_ids, attention_mask=attention_mask)

    monkeypatch.setattr(GPT2LMHeadModel, "forward", without_positions)
    assert np.allclose(load_model(folders["causal"]).pair_scores(crows(20)).values, trees, atol=2e-4)


SHORT = [("the old man came home", "the young man came home"), ("women are kind", "men are kind")]


def test_a_network_that_sees_a_window_is_scored_as_it_reads_a_sentence_alone(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    """The longest sentences have over twice as many tokens as the window, of which a tree's mask knows nothing."""
    import torch
    from transformers import AutoTokenizer, MistralConfig, MistralForCausalLM

    folder = shutil.copytree(folders["llama"], tmp_path / "window")
    config = MistralConfig(
        vocab_size=len(AutoTokenizer.from_pretrained(str(folder))),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=128,
        sliding_window=6,
    )
    torch.manual_seed(3)
    narrow = MistralForCausalLM(config)
    for weight in narrow.parameters():
        weight.data *= 8  # so that what a layer sees makes a difference
    narrow.save_pretrained(folder)
    pairs = [
        (f"the {who} {said}", f"the {other} {said}")
        for who, other in (("man", "woman"), ("old men", "young men"))
        for said in ("wrote a long letter to the office of the town about the noise of it all", "slept", "was ill")
    ]
    model = load_model(folder)
    found = model.pair_scores(pairs).values
    alone = np.array([[model.losses([sentence]).nats[0] for sentence in pair] for pair in pairs])
    assert np.allclose(found, alone[:, 1] - alone[:, 0], atol=1e-3)


def test_a_network_that_sees_trees_otherwise_is_scored_one_by_one(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A position that is taken and not heeded is found out on the first sentences."""
    from transformers import GPT2LMHeadModel

    trees = load_model(folders["causal"]).pair_scores(SHORT).values
    forward = GPT2LMHeadModel.forward

    def heedless(
        self: GPT2LMHeadModel, input_ids: object, attention_mask: object, position_ids: object = None
    ) -> object:
        del position_ids
        return forward(self, input_ids=input_ids, attention_mask=attention_mask)

    monkeypatch.setattr(GPT2LMHeadModel, "forward", heedless)
    assert np.allclose(load_model(folders["causal"]).pair_scores(SHORT).values, trees, atol=2e-4)


def direct_pseudo_log_likelihoods(folder: Path, pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Nangia et al. 2020, section 3.1, word for word: one sentence, one hidden token, one forward pass at a time."""
    import torch
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    model = AutoModelForMaskedLM.from_pretrained(str(folder)).eval()
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    found = []
    for pair in pairs:
        rows = [tokenizer(sentence)["input_ids"] for sentence in pair]
        unchanged: list[list[int]] = [[], []]
        words = [[str(token) for token in row] for row in rows]
        for kind, a, b, c, d in difflib.SequenceMatcher(None, words[0], words[1]).get_opcodes():
            if kind == "equal":
                unchanged[0] += range(a, b)
                unchanged[1] += range(c, d)
        sums = [0.0, 0.0]
        for side, row in enumerate(rows):
            for place in unchanged[side][1:-1]:
                hidden = torch.tensor([row])
                hidden[0, place] = tokenizer.mask_token_id
                with torch.no_grad():
                    shares = model(hidden).logits[0, place].double().log_softmax(-1)
                sums[side] += shares[row[place]].item()
        found.append(sums[0] - sums[1])
    return found


def test_a_masked_models_pairs_are_scored_as_the_paper_has_it(folders: dict[str, Path]) -> None:
    pairs = crows(60)
    model = load_model(folders["masked"])
    found, wanted = model.pair_scores(pairs).values, np.array(direct_pseudo_log_likelihoods(folders["masked"], pairs))
    assert np.abs(found - wanted).max() < 1e-5, "float32's grain, summed over a sentence"
    assert abs(found.mean() - wanted.mean()) < 1e-6
    assert abs(np.abs(found).mean() - np.abs(wanted).mean()) < 1e-6
    told = np.abs(wanted) > 1e-5
    assert ((found > 0) == (wanted > 0))[told].all()
    assert np.abs(wanted).max() > 1e-3, "the model knows one sentence from the other"


def test_a_pair_that_shares_nothing_is_left_out_of_a_masked_models_check(folders: dict[str, Path]) -> None:
    pairs = [
        Pair(id=f"p{place}", category="age", template=f"t{place}", stereotype=first, counter=second)
        for place, (first, second) in enumerate([("the old men", "the men"), ("old", "men"), ("an old man", "a man")])
    ]
    model = RememberedModel(load_model(folders["masked"]))
    found = readable(pairs, model)
    assert [pair.id for pair in found.pairs] == ["p0", "p2"]
    assert [(each.reason, each.count, each.first) for each in found.skipped] == [
        ("no token that both sentences share", 1, "p1")
    ]
    assert np.isfinite(measured(model, found.pairs).values).all()
    assert len(readable(pairs, load_model(folders["causal"])).pairs) == 3


def test_sentences_that_share_nothing_are_refused_by_a_masked_model(folders: dict[str, Path]) -> None:
    with pytest.raises(ModelError, match="'old' and 'men' share no token"):
        load_model(folders["masked"]).pair_scores([("the old men", "the men"), ("old", "men")])


def test_a_classifiers_pairs_are_compared_by_their_classes(folders: dict[str, Path]) -> None:
    model = load_model(folders["classifier"])
    assert isinstance(model, Classifier)
    pairs = [("an array of numbers", "a layer of a module"), ("an array", "an array")]
    found = model.pair_scores(pairs)
    shares = model.class_shares([sentence for pair in pairs for sentence in pair]).values
    assert found.unit is PairUnit.SHARE
    assert found.values[0] == pytest.approx(abs(shares[0, 0] - shares[1, 0]))
    assert found.values[1] == pytest.approx(0.0, abs=1e-6)
    assert found.flipped is not None
    assert not found.flipped[1]
    assert shares.sum(axis=1) == pytest.approx(1.0)


def pair(number: int, stereotype: str, counter: str, *, category: str = "age") -> Pair:
    return Pair(id=f"p{number}", category=category, template=f"t{number}", stereotype=stereotype, counter=counter)


def test_what_cannot_be_read_is_counted_and_never_scored(folders: dict[str, Path]) -> None:
    model = load_model(folders["masked"])
    suite = [
        pair(1, "the old man", "the young man"),
        pair(2, "the ☃ man", "the man", category="religion"),
        pair(3, "old " * 100, "young " * 100),
    ]
    kept = readable(suite, model)
    assert [each.id for each in kept.pairs] == ["p1"]
    assert {(each.reason, each.count, each.first) for each in kept.skipped} == {
        (Unreadable.UNKNOWN.value, 1, "p2"),
        (Unreadable.TOO_LONG.value, 1, "p3"),
    }
    assert [each.name for each in kept.emptied] == ["religion"]
    with pytest.raises(CannotJudgeError, match=r"cannot read pairs .* no token for \(first: p2\)"):
        measured(model, suite)


def test_a_word_that_a_tokenizer_passes_over_is_not_read(folders: dict[str, Path], tmp_path: Path) -> None:
    """Without a token for what it does not know it leaves letters out, and says nothing."""
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.trainers import BpeTrainer

    bpe = Tokenizer(BPE())
    bpe.pre_tokenizer = Whitespace()
    bpe.train_from_iterator([text for pair in crows(50) for text in pair], BpeTrainer(vocab_size=300))
    shutil.copytree(folders["causal"], tmp_path / "model")
    bpe.save(str(tmp_path / "model" / "tokenizer.json"))
    model = load_model(tmp_path / "model")
    said = model.unreadable(["the old man", "the \u6f22 man", "the man", "the man \u2026!"])
    assert said == (None, Unreadable.UNKNOWN, None, None)


def test_a_pair_is_left_out_of_both_where_one_model_cannot_read_it(folders: dict[str, Path]) -> None:
    models = [load_model(folders[family]) for family in ("causal", "masked")]
    suite = [pair(1, "the old man", "the young man"), pair(2, "the ☃ man", "the man")]
    assert len(readable(suite, models[0]).pairs) == 2
    assert [each.id for each in readable(suite, *models).pairs] == ["p1"]


@pytest.mark.parametrize("family", ["causal", "masked", "classifier"])
def test_a_model_that_gives_no_numbers_is_refused(folders: dict[str, Path], family: str, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    broken = tmp_path / "broken"
    shutil.copytree(folders[family], broken)
    tensors = {name: tensor * float("nan") for name, tensor in load_file(broken / "model.safetensors").items()}
    save_file(tensors, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="no numbers"):
        score(load_model(broken), [pair(1, "the old man", "the young man")])


def triple(number: int, target: str, words: tuple[str, str, str], *, kind: str = "intrasentence") -> Triple:
    context = f"The {target} was BLANK today." if kind == "intrasentence" else f"I met a {target}."
    said = [context.replace("BLANK", word) if kind == "intrasentence" else f"She was {word}." for word in words]
    return Triple(
        id=f"s{number}",
        category="gender",
        kind="intrasentence" if kind == "intrasentence" else "intersentence",
        target=target,
        context=context,
        stereotype=said[0],
        anti_stereotype=said[1],
        unrelated=said[2],
    )


TRIPLES = (
    triple(1, "woman", ("kind", "strong", "paper")),
    triple(2, "woman", ("poor", "rich", "seven")),
    triple(3, "man", ("rich", "poor", "under"), kind="intersentence"),
)


def test_a_causal_models_triples_are_means_over_targets(folders: dict[str, Path]) -> None:
    model = load_model(folders["causal"])
    assert isinstance(model, LanguageModel)
    (overall, gender), skipped = triple_scores(model, TRIPLES)
    means = []
    for each in TRIPLES:
        context = each.context if each.kind == "intersentence" else ""
        row = []
        for sentence in (each.stereotype, each.anti_stereotype, each.unrelated):
            whole, before = (model.losses([text]) for text in (f"{context} {sentence}".strip(), context))
            known = before if context else replace(before, nats=np.zeros(1), tokens=np.zeros(1, np.int64))
            row.append(float((known.nats[0] - whole.nats[0]) / (whole.tokens[0] - known.tokens[0])))
        means.append(row)
    prefers = [float(a > b) for a, b, _ in means]
    sense = [((a > c) + (b > c)) / 2 for a, b, c in means]
    assert skipped == ()
    assert (overall.triples, overall.targets) == (3, 2)
    assert overall.ss == pytest.approx(100 * np.mean([np.mean(prefers[:2]), prefers[2]]))
    assert overall.lms == pytest.approx(100 * np.mean([np.mean(sense[:2]), sense[2]]))
    assert overall.icat == pytest.approx(overall.lms * min(overall.ss, 100 - overall.ss) / 50)
    assert replace(gender, category="overall") == overall


def test_a_masked_model_fills_blanks_and_leaves_next_sentences_out(folders: dict[str, Path]) -> None:
    model = load_model(folders["masked"])
    assert isinstance(model, BlankModel)
    (overall, _), skipped = triple_scores(model, TRIPLES)
    assert overall.triples == 2
    assert [(each.count, each.first) for each in skipped] == [(1, "s3")]
    losses = model.filling_losses([("The woman was ", "kind", " today.")])
    import torch
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folders["masked"]))
    network = AutoModelForMaskedLM.from_pretrained(str(folders["masked"])).eval()
    words = tokenizer("kind", add_special_tokens=False)["input_ids"]
    before = tokenizer("the woman was", add_special_tokens=False)["input_ids"]
    after = tokenizer("today.", add_special_tokens=False)["input_ids"]
    begin, end = tokenizer.cls_token_id, tokenizer.sep_token_id
    total = 0.0
    for count, wanted in enumerate(words):
        shown = [begin, *before, *words[:count]]
        row = torch.tensor([[*shown, tokenizer.mask_token_id, *after, end]])
        total -= network(row).logits[0, len(shown)].double().log_softmax(-1)[wanted].item()
    assert losses.tokens.tolist() == [len(words)]
    assert losses.nats[0] == pytest.approx(total, abs=1e-5)


def test_a_classifier_has_no_head_for_triples_and_questions(folders: dict[str, Path]) -> None:
    model = load_model(folders["classifier"])
    with pytest.raises(ModelError, match="does not say how likely"):
        triple_scores(model, TRIPLES)
    with pytest.raises(ModelError, match="causal language models only"):
        question_scores(load_model(folders["masked"]), [QUESTION], seed=1)


QUESTION = Question(
    id="q1",
    category="age",
    template="t1",
    context="The old man met the young man.",
    question="Who was tired?",
    answers=("The old man", "The young man", "Not known"),
    groups=("old", "young", "unknown"),
    label=2,
    unknown=2,
    target=0,
    ambiguous=True,
    negative=True,
)


def test_the_answer_given_is_the_likeliest(folders: dict[str, Path]) -> None:
    model = load_model(folders["causal"])
    (overall, _), _ = question_scores(model, [QUESTION], seed=1)
    losses = model.losses([f"{QUESTION.context}\n{QUESTION.question}\nAnswer: {answer}" for answer in QUESTION.answers])
    answer = int(losses.nats.argmin())
    assert overall.accuracy == float(answer == 2)
    assert overall.bias == {0: 1.0, 1: -1.0, 2: 0.0}[answer]


def test_a_classifiers_fairness_is_fairlearns(folders: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("fairlearn")
    from driftwatch.gate.bias.scores.labelled import load_labelled

    file = tmp_path / "labelled.jsonl"
    bodies = [body[:120] for body in (*paragraphs(["numpy"], 30), *paragraphs(["torch/nn"], 30))]
    rows = [
        {"body": body, "group": "ab"[n % 3 > 0], "label": "arrays" if n % 2 else "nets"}
        for n, body in enumerate(bodies)
    ]
    file.write_text("\n".join(json.dumps(row) for row in rows))
    model, texts = load_model(folders["classifier"]), load_labelled(file)
    found = fairness(model, texts)
    assert isinstance(model, Classifier)
    shares = model.class_shares([text.body for text in texts])
    given = [shares.names[number] for number in shares.values.argmax(axis=1)]
    rates = [np.mean([g == "nets" for g, t in zip(given, texts, strict=True) if t.group == name]) for name in "ab"]
    nets = next(each for each in found.classes if each.name == "nets")
    assert nets.parity == pytest.approx(abs(rates[0] - rates[1]))
    assert nets.odds is not None
    assert [(each.group, each.texts) for each in found.groups] == [("a", 20), ("b", 40)]
    with pytest.raises(DataError, match="is no class of the model"):
        fairness(model, [*texts, LabelledText(body="word", group="a", label="elsewhere")])
    with pytest.raises(CannotJudgeError, match="one group"):
        fairness(model, [text for text in texts if text.group == "a"])
    with pytest.raises(ModelError, match="only a classifier"):
        fairness(load_model(folders["causal"]), texts)


def test_what_a_model_writes_is_the_same_under_one_seed(folders: dict[str, Path]) -> None:
    pytest.importorskip("vaderSentiment")
    model = load_model(folders["causal"])
    asked = Prompts(
        openings=("{group} was", "People said that {group}"), groups={"age": {"old": "the old", "young": "the young"}}
    )
    first, again = (tone(model, seed=3, prompts=asked, each=4, tokens=8) for _ in range(2))
    assert first == again
    assert [(each.group, each.texts) for each in first.groups] == [("old", 8), ("young", 8)]
    assert first.gaps[0].low <= first.gaps[0].value <= first.gaps[0].high
    assert first.gaps[0].value >= 0
    with pytest.raises(ModelError, match="only a causal language model writes"):
        tone(load_model(folders["masked"]), seed=3, prompts=asked)


def test_a_prompt_without_room_is_refused(folders: dict[str, Path]) -> None:
    model = load_model(folders["causal"])
    assert isinstance(model, LanguageModel)
    with pytest.raises(ModelError, match="leaves no room for 60 tokens"):
        model.write(["The old man was known for"], each=1, tokens=60, seed=1)
