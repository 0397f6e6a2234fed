"""Recipe files: what they say, and how a mistake in one is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from driftwatch.domain.errors import ConfigError, NotFoundError
from driftwatch.domain.run import Recipe
from driftwatch.retrain.recipe import builtin_recipes, find_recipe, learning_rate, load_recipes
from driftwatch.retrain.recipe_values import beyond

ROOT = Path(__file__).resolve().parents[2]


def written(folder: Path, **files: str) -> list[Path]:
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return sorted(folder.glob("*.toml"))


def test_the_built_in_recipes_are_the_shipped_files() -> None:
    assert set(builtin_recipes()) == {path.stem for path in (ROOT / "recipes").glob("*.toml")}
    assert {recipe.method for recipe in builtin_recipes().values()} == {"full", "lora", "head"}
    assert [wrong for recipe in builtin_recipes().values() for wrong in beyond(recipe)] == []


def test_the_manual_has_every_setting_and_every_shipped_recipe() -> None:
    manual = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    assert [key for key in Recipe.__dataclass_fields__ if key != "name" and f"| `{key}` |" not in manual] == []
    assert [name for name in builtin_recipes() if f"`{name}`" not in manual] == []


def test_a_file_begins_from_the_defaults_or_from_a_built_in_one(tmp_path: Path) -> None:
    files = written(
        tmp_path, mine="batch = 4\nlearning_rates = [1, 1e-4]\nmerge = []\n", gentle='like = "full"\nclip = 0.5\n'
    )
    recipes = load_recipes(files)
    assert recipes["mine"] == Recipe(name="mine", batch=4, learning_rates=(1.0, 1e-4), merge=())
    assert recipes["gentle"] == replace(builtin_recipes()["full"], name="gentle", clip=0.5)
    assert recipes["small"] is builtin_recipes()["small"]


def test_a_built_in_recipe_is_replaced_only_on_purpose(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"small.toml:1:1: \"small\" is a built-in recipe"):
        load_recipes(written(tmp_path, small="batch = 4"))
    files = written(tmp_path, small='like = "small"\nreplaces_builtin = true\nbatch = 4')
    assert load_recipes(files)["small"] == replace(builtin_recipes()["small"], batch=4)
    with pytest.raises(ConfigError, match=r"there is no built-in recipe \"mine\" to replace"):
        load_recipes(written(tmp_path, mine="replaces_builtin = true"))


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    files = [*written(tmp_path, mine="batch = 4"), *written(other, mine="batch = 8")]
    with pytest.raises(ConfigError, match=r'a recipe "mine" is in .*mine.toml too'):
        load_recipes(files)


def test_a_clash_of_names_shows_a_line_with_a_caret(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as built_in:
        load_recipes(written(tmp_path, small="batch = 4"))
    assert str(built_in.value).splitlines()[1:] == ["    1 | batch = 4", "      | ^"]
    (tmp_path / "small.toml").unlink()
    with pytest.raises(ConfigError) as nothing:
        load_recipes(written(tmp_path, mine="batch = 4\n  replaces_builtin = true"))
    assert "mine.toml:2:3: there is no built-in recipe" in str(nothing.value)
    assert str(nothing.value).splitlines()[1:] == ["    2 |   replaces_builtin = true", "      |   ^"]


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("epochs = 2\n  epohcs = 3", "2:3", 'unknown key "epohcs" (did you mean epochs?)'),
        ("batch = 0", "1:9", '"batch" is 0 (write a number from 1 to 65536)'),
        ("batch = 2.5", "1:9", '"batch" must be a whole number'),
        ("batch = true", "1:9", '"batch" must be a whole number'),
        ("\nepochs = nan", "2:10", '"epochs" is nan'),
        ("learning_rates = 3e-4", "1:18", '"learning_rates" must be a list in brackets'),
        ("learning_rates = []", "1:18", "these are no learning rates"),
        ("learning_rates = [0.0]", "1:18", "these are no learning rates"),
        ("merge = [0.5, 0.25]", "1:9", "these are no coefficients"),
        ('method = "lroa"', "1:10", '"method" must be one of full, lora, head'),
        ('precision = "int8"', "1:13", '"precision" must be one of auto, float32, bfloat16, float16'),
        ("rank = 4", "1:1", '"rank" has no meaning with method full (remove it, or set method to lora)'),
        ("at_once = 9\nbatch = 8", "1:11", '"at_once" is 9, the batch only 8'),
        ("devices = 4\nbatch = 2", "1:11", "4 devices share a batch of 2"),
        ('name = "x"', "1:1", "a recipe is named like its file"),
        (
            'like = "huge"',
            "1:8",
            "there is no built-in recipe of that name (known are full, head, lora-small, lora, small, thorough)",
        ),
        ("batch 8", "1:7", "this is no TOML"),
        ("batch = 8\nbatch = 9", "2:", "this is no TOML"),
        ("[batch]\nsize = 3", "1:", '"batch" must be a whole number'),
    ],
)
def test_a_mistake_has_its_place_and_cure(text: str, place: str, what: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_recipes(written(tmp_path, mine=text))
    assert f"mine.toml:{place}" in str(caught.value)
    assert what in str(caught.value)


def test_every_mistake_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_recipes(written(tmp_path, one="batch = 0\nclip = 0\n", two="mask = 2"))
    told = str(caught.value).splitlines()
    assert len(told) == 9, "three mistakes, each with its line and a caret"
    assert [line[:6] for line in told[1::3]] == ["    1 ", "    2 ", "    1 "]


def test_a_mistake_shows_its_line_with_a_caret(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_recipes(written(tmp_path, mine='epochs = 2\nmethod  =  "lroa"\n'))
    place, line, caret = str(caught.value).splitlines()
    assert place.endswith('mine.toml:2:12: "method" must be one of full, lora, head (did you mean lora?)')
    assert line == '    2 | method  =  "lroa"'
    assert caret.index("^") == line.index('"lroa"')


def test_what_is_no_toml_shows_its_line_with_a_caret(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_recipes(written(tmp_path, mine="batch 8"))
    place, line, caret = str(caught.value).splitlines()
    assert "mine.toml:1:7: this is no TOML" in place
    assert (line, caret.index("^")) == ("    1 | batch 8", line.index("8"))


@pytest.mark.parametrize("name", ["Mine", "-mine", "m ine"])
def test_a_file_must_have_a_name_that_rules_can_write(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.toml").write_text("")
    with pytest.raises(ConfigError, match="is no name for a recipe"):
        load_recipes(tmp_path.glob("*.toml"))


def test_unreadable_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it cannot be read: No such file"):
        load_recipes([tmp_path / "gone.toml"])
    (tmp_path / "big.toml").write_text("#" * 70_000)
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"(?s)it is larger than 64 KiB.*byte 0 is not UTF-8"):
        load_recipes(tmp_path.glob("*.toml"))


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("smal", "did you mean small?"),
        ("xyz", "known recipes: full, head, lora-small, lora, small, thorough"),
    ],
)
def test_an_unknown_recipe_comes_with_a_suggestion(name: str, cure: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        find_recipe(name, builtin_recipes())
    assert caught.value.cure == cure


@pytest.mark.parametrize(("number", "rate"), [(0, 3e-4), (1, 3e-4), (2, 1e-4), (9, 1e-4)])
def test_each_round_has_its_learning_rate(number: int, rate: float) -> None:
    assert learning_rate(builtin_recipes()["small"], round=number) == rate
