"""What each family's loss is, held against a plain forward pass of transformers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from chats import CHATML, INSTRUCT
from corpus import paragraphs
from tiny_families import CONTEXT, tiny_classifier, tiny_llama, tiny_masked, word_pieces

from driftwatch.domain.errors import ModelError
from driftwatch.domain.text import Text, Turn
from driftwatch.features.causal import CausalModel
from driftwatch.features.classifier import ClassifierModel
from driftwatch.features.loss import load_model
from driftwatch.features.masked import MASKS, MaskedModel, masks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

AT = datetime(2026, 1, 1, tzinfo=UTC)
BODIES = paragraphs(["numpy"], 60)
KINDS = {"arrays": BODIES[:30], "networks": paragraphs(["torch/nn"], 30)}
TURNS = (
    Turn(role="user", content="What is an array?"),
    Turn(role="assistant", content="A grid of values."),
    Turn(role="user", content="Of one type?"),
    Turn(role="assistant", content="Yes."),
)


def text(body: str, *, target: str | None = None, turns: Sequence[Turn] = ()) -> Text:
    return Text(id=body[:50], body=body, seen_at=AT, target=target, turns=tuple(turns))


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_masked(tmp_path_factory.mktemp("masked") / "model", BODIES, steps=30)


@pytest.fixture(scope="module")
def chatty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(tmp_path_factory.mktemp("chat") / "model", BODIES, steps=10)


@pytest.fixture(scope="module")
def classifying(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_classifier(tmp_path_factory.mktemp("classifier") / "model", KINDS, steps=40)


class TestMasks:
    row = (2, *range(10, 50), 3)
    special = frozenset({0, 1, 2, 3, 4})

    def test_they_are_the_same_for_the_same_tokens_only(self) -> None:
        assert masks(self.row, special=self.special) == masks(list(self.row), special=self.special)
        assert masks(self.row, special=self.special) != masks((2, *range(11, 51), 3), special=self.special)

    @pytest.mark.parametrize(("length", "sizes"), [(0, []), (1, [1]), (2, [1, 1]), (9, [1, 1, 1]), (40, [6, 6, 6])])
    def test_each_hides_fifteen_percent_and_no_place_twice(self, length: int, sizes: list[int]) -> None:
        found = masks((2, *range(10, 10 + length), 3), special=self.special)
        assert [len(places) for places in found] == sizes
        flat = [place for places in found for place in places]
        assert len(set(flat)) == len(flat)
        assert set(flat) <= set(range(1, length + 1))
        assert len(found) <= MASKS

    def test_every_place_is_hidden_about_equally_often(self) -> None:
        hidden = np.zeros(42)
        for shift in range(2_000):
            for places in masks((2, *range(10 + shift, 50 + shift), 3), special=self.special):
                hidden[places] += 1
        share = hidden[1:41] / 2_000
        assert share.mean() == pytest.approx(0.45)
        assert abs(share - 0.45).max() < 0.05


class TestMasked:
    def test_losses_are_those_of_a_plain_forward_pass(self, masked: Path) -> None:
        import torch
        from transformers import AutoTokenizer, BertForMaskedLM

        tokenizer, model = AutoTokenizer.from_pretrained(str(masked)), BertForMaskedLM.from_pretrained(str(masked))
        found = load_model(masked).losses(BODIES[:8])
        for place, body in enumerate(BODIES[:8]):
            ids = torch.tensor(tokenizer(body, truncation=True, max_length=CONTEXT)["input_ids"])
            nats, tokens = 0.0, 0
            for places in masks(ids.tolist(), special=frozenset(tokenizer.all_special_ids)):
                hidden = ids.clone()
                hidden[places] = tokenizer.mask_token_id
                with torch.inference_mode():
                    logits = model(input_ids=hidden[None]).logits[0, places]
                nats += torch.nn.functional.cross_entropy(logits, ids[places], reduction="sum").item()
                tokens += len(places)
            assert found.tokens[place] == tokens
            assert found.nats[place] == pytest.approx(nats, rel=1e-4)

    def test_a_tokenizer_without_a_mask_is_refused(self, masked: Path, tmp_path: Path) -> None:
        import json
        import shutil

        lacking = tmp_path / "lacking"
        shutil.copytree(masked, lacking)
        file = lacking / "tokenizer_config.json"
        kept = {name: value for name, value in json.loads(file.read_text()).items() if name != "mask_token"}
        file.write_text(json.dumps(kept))
        (lacking / "special_tokens_map.json").unlink(missing_ok=True)
        with pytest.raises(ModelError, match="no mask token"):
            MaskedModel(lacking)

    def test_positions_behind_the_padding_are_not_run_over(self, tmp_path: Path) -> None:
        from transformers import RobertaConfig, RobertaForMaskedLM

        tokenizer = word_pieces(BODIES, vocab=300)
        tokenizer.model_max_length = 10**9
        config = RobertaConfig(
            vocab_size=300,
            max_position_embeddings=34,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            pad_token_id=1,
        )
        RobertaForMaskedLM(config).save_pretrained(str(tmp_path))
        tokenizer.save_pretrained(str(tmp_path))
        found = MaskedModel(tmp_path).losses(["word " * 100])
        assert found.tokens[0] == MASKS * round(0.15 * (32 - 2))


class TestChats:
    @staticmethod
    def with_template(folder: Path, template: str) -> CausalModel:
        model = CausalModel(folder)
        model._network.tokenizer.chat_template = template
        return model

    def test_only_the_replies_count(self, chatty: Path) -> None:
        import torch
        from transformers import LlamaForCausalLM

        model, plain = self.with_template(chatty, CHATML), LlamaForCausalLM.from_pretrained(str(chatty))
        tokenizer = model._network.tokenizer
        before = "<|im_start|>user\nWhat is an array?<|im_end|>\n<|im_start|>assistant\n"
        reply = "A grid of values.<|im_end|>"
        first, whole = (tokenizer(each, add_special_tokens=False)["input_ids"] for each in (before, before + reply))
        assert whole[: len(first)] == first
        with torch.inference_mode():
            logits = plain(input_ids=torch.tensor([whole])).logits[0, len(first) - 1 : -1]
        nats = torch.nn.functional.cross_entropy(logits, torch.tensor(whole[len(first) :]), reduction="sum").item()
        found = model.score([text("A grid of values.", turns=TURNS[:2])])
        assert found.tokens[0] == len(whole) - len(first)
        assert found.nats[0] == pytest.approx(nats, rel=1e-4)

    def test_chats_and_plain_texts_keep_their_places(self, chatty: Path) -> None:
        model = self.with_template(chatty, CHATML)
        chat, plain = text("Yes.", turns=TURNS), text(BODIES[0])
        found, alone = model.score([plain, chat, plain]), model.score([chat])
        assert found.nats[1] == pytest.approx(alone.nats[0], rel=1e-4)
        assert found.nats[0] == pytest.approx(model.losses([BODIES[0]]).nats[0], rel=1e-4)
        assert found.tokens[1] > 0

    def test_of_a_long_chat_the_last_replies_count(self, chatty: Path) -> None:
        model = self.with_template(chatty, CHATML)
        long = (*TURNS[:2], replace(TURNS[2], content="word " * 80), TURNS[3])
        found = model.score([text("Yes.", turns=long)])
        assert 0 < found.tokens[0] < 10

    def test_what_the_template_refuses_is_not_scored(self, chatty: Path) -> None:
        model = self.with_template(chatty, INSTRUCT)
        found = model.score([text("Yes.", turns=(Turn(role="system", content="Be kind."), *TURNS))])
        assert (found.nats[0], found.tokens[0]) == (0, 0)

    def test_without_a_template_the_body_is_scored(self, chatty: Path) -> None:
        model = CausalModel(chatty)
        found = model.score([text(BODIES[0], turns=TURNS)])
        assert found.nats[0] == pytest.approx(model.losses([BODIES[0]]).nats[0])


class TestClassifier:
    def test_losses_and_answers_are_those_of_a_plain_forward_pass(self, classifying: Path) -> None:
        import torch
        from transformers import AutoTokenizer, BertForSequenceClassification

        tokenizer = AutoTokenizer.from_pretrained(str(classifying))
        model = BertForSequenceClassification.from_pretrained(str(classifying))
        some = [text(body, target=kind) for kind, bodies in KINDS.items() for body in bodies[:5]]
        found = load_model(classifying).score(some)
        assert found.correct is not None
        for place, each in enumerate(some):
            row = tokenizer(each.body, truncation=True, max_length=CONTEXT, return_tensors="pt")
            wanted = list(KINDS).index(str(each.target))
            with torch.inference_mode():
                logits = model(**row).logits[0]
            assert found.nats[place] == pytest.approx(-logits.log_softmax(-1)[wanted].item(), rel=1e-3, abs=1e-5)
            assert found.correct[place] == (int(logits.argmax()) == wanted)

    def test_classes_are_known_by_name_or_number(self, classifying: Path) -> None:
        model = load_model(classifying)
        by_name, by_number, unknown, none = (
            model.score([text(BODIES[0], target=target)]) for target in ("networks", "1", "poems", None)
        )
        assert by_name.nats[0] == by_number.nats[0] > 0
        assert [each.tokens[0] for each in (by_name, by_number, unknown, none)] == [1, 1, 0, 0]

    @pytest.mark.parametrize(("problem", "labels"), [("multi_label_classification", 3), ("regression", 1), (None, 1)])
    def test_other_problems_are_refused(self, problem: str | None, labels: int, tmp_path: Path) -> None:
        from transformers import BertConfig, BertForSequenceClassification

        tokenizer = word_pieces(BODIES, vocab=300)
        config = BertConfig(
            vocab_size=300, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
        )
        config.num_labels, config.problem_type = labels, problem  # type: ignore[assignment]
        BertForSequenceClassification(config).save_pretrained(str(tmp_path))
        tokenizer.save_pretrained(str(tmp_path))
        with pytest.raises(ModelError, match="does not choose one of several classes"):
            ClassifierModel(tmp_path)

    @pytest.mark.parametrize("padding", [1, None])
    def test_a_decoder_reads_its_answer_off_the_last_token(self, padding: int | None, tmp_path: Path) -> None:
        import torch
        from transformers import GPT2Config, GPT2ForSequenceClassification

        tokenizer = word_pieces(BODIES, vocab=300)
        torch.manual_seed(0)
        config = GPT2Config(vocab_size=300, n_positions=CONTEXT, n_embd=16, n_layer=1, n_head=2, pad_token_id=padding)
        config.num_labels = 3
        GPT2ForSequenceClassification(config).save_pretrained(str(tmp_path))
        tokenizer.save_pretrained(str(tmp_path))
        some = [text(body, target="2") for body in (BODIES[0], "a word", *BODIES[1:4])]
        model = ClassifierModel(tmp_path)
        together = model.score(some).nats
        assert together.tolist() == pytest.approx([model.score([each]).nats[0] for each in some], rel=1e-4)
