from __future__ import annotations

import errno
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from driftwatch import __version__
from driftwatch.domain.errors import ConflictError, DriftwatchError, ModelError, NotFoundError
from driftwatch.domain.run import GateMeasure, Recipe, Verdict, VerdictOutcome
from driftwatch.retrain.change import begin_change, change_alone, change_begun, end_change
from driftwatch.retrain.promote import (
    VersionManifest,
    add_version,
    check_version,
    current_version,
    point_current,
    read_manifest,
)
from driftwatch.retrain.retention import ModelSettings, prune_versions

AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def candidate(folder: Path, *, content: str = "weights") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_text(content)
    return folder


def manifest(version: str = "v2", parent: str | None = "v1") -> VersionManifest:
    return VersionManifest(version=version, parent=parent, run="run-1", created_at=AT, digest="sha256:00")


def test_a_version_holds_the_model_and_where_it_came_from(tmp_path: Path) -> None:
    folder = add_version(candidate(tmp_path / "c"), tmp_path / "models", manifest())
    assert folder == tmp_path / "models" / "v2"
    found = check_version(folder)
    assert (found.parent, found.run, found.created_at, found.digest) == ("v1", "run-1", AT, "sha256:00")
    assert set(found.files) == {"config.json", "model.safetensors"}
    assert json.loads((folder / "driftwatch.json").read_text())["version"] == "v2"


def test_adding_again_changes_nothing_even_when_the_candidate_is_gone(tmp_path: Path) -> None:
    source = candidate(tmp_path / "c")
    first = add_version(source, tmp_path / "models", manifest())
    inode = (first / "model.safetensors").stat().st_ino
    assert add_version(source, tmp_path / "models", manifest()) == first
    source.rename(tmp_path / "elsewhere")
    assert add_version(source, tmp_path / "models", manifest()) == first
    assert (first / "model.safetensors").stat().st_ino == inode


def test_another_model_under_the_same_version_is_a_conflict(tmp_path: Path) -> None:
    add_version(candidate(tmp_path / "c"), tmp_path / "models", manifest())
    with pytest.raises(ConflictError, match=r"differs in model\.safetensors"):
        add_version(candidate(tmp_path / "d", content="other"), tmp_path / "models", manifest())


def test_no_candidate_no_version(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model folder to promote"):
        add_version(tmp_path / "missing", tmp_path / "models", manifest())
    assert not (tmp_path / "models").exists()


def test_what_a_kill_left_aside_is_written_anew(tmp_path: Path) -> None:
    left = tmp_path / "models" / ".v2.writing"
    left.mkdir(parents=True)
    (left / "half").write_text("…")
    (tmp_path / "models" / ".current.writing").symlink_to("nowhere")
    add_version(candidate(tmp_path / "c"), tmp_path / "models", manifest())
    point_current(tmp_path / "models", "v2")
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["current", "v2"]
    assert "half" not in check_version(tmp_path / "models" / "v2").files


def test_the_pointer_moves_and_moves_back(tmp_path: Path) -> None:
    models = tmp_path / "models"
    assert current_version(models) is None
    for version in ("v1", "v2"):
        add_version(candidate(tmp_path / version, content=version), models, manifest(version))
        assert point_current(models, version) == (models / version).resolve()
        assert current_version(models) == version
    point_current(models, "v2")
    assert (models / "current" / "model.safetensors").read_text() == "v2"
    point_current(models, "v1")
    assert (models / "current").resolve() == (models / "v1").resolve()
    assert (models / "current").readlink() == Path("v1"), "relative: the state folder may be moved"


def test_the_pointer_never_names_a_missing_or_damaged_version(tmp_path: Path) -> None:
    models = tmp_path / "models"
    add_version(candidate(tmp_path / "c"), models, manifest("v1"))
    point_current(models, "v1")
    add_version(candidate(tmp_path / "c"), models, manifest("v2"))
    (models / "v2" / "model.safetensors").write_text("tampered")
    problems: list[type[DriftwatchError]] = []
    for version in ("v2", "v3"):
        with pytest.raises((ModelError, NotFoundError)) as caught:
            point_current(models, version)
        problems.append(caught.type)
    assert problems == [ModelError, NotFoundError]
    assert current_version(models) == "v1"


def test_a_folder_where_the_link_should_be_is_a_conflict(tmp_path: Path) -> None:
    models = tmp_path / "models"
    add_version(candidate(tmp_path / "c"), models, manifest())
    (models / "current").mkdir()
    with pytest.raises(ConflictError, match="must be a symbolic link"):
        point_current(models, "v2")


def test_a_manifest_says_how_the_version_came_to_be(tmp_path: Path) -> None:
    measure = GateMeasure(name="gain", value=0.3, low=0.2, high=0.4, limit=0.01, unit="nats/token", n=99)
    verdict = Verdict(gate="quality", round=1, outcome=VerdictOutcome.PASSED, detail="it gained", measures=(measure,))
    recipe = Recipe(name="small", method="lora", learning_rates=(1e-3,))
    (tmp_path / "card.json").write_text('{"seen": 5}')
    whole = replace(manifest(), recipe=recipe, verdicts=(verdict,))
    folder = add_version(candidate(tmp_path / "c"), tmp_path / "models", whole, card=tmp_path / "card.json")
    found = check_version(folder)
    assert (found.recipe, found.verdicts, found.code) == (recipe, (verdict,), __version__)
    assert found.card == found.files["card.json"]
    assert json.loads((folder / "card.json").read_text()) == {"seen": 5}
    assert add_version(tmp_path / "c", tmp_path / "models", whole, card=tmp_path / "card.json") == folder
    (folder / "card.json").write_text('{"seen": 6}')
    with pytest.raises(ModelError, match="not as it was written"):
        check_version(folder)


def test_a_manifest_of_an_older_driftwatch_is_read(tmp_path: Path) -> None:
    folder = add_version(candidate(tmp_path / "c"), tmp_path / "models", manifest())
    file = folder / "driftwatch.json"
    old = {name: json.loads(file.read_text())[name] for name in ("version", "parent", "run", "created_at", "digest")}
    file.write_text(json.dumps({**old, "files": json.loads(file.read_text())["files"]}))
    found = check_version(folder)
    assert (found.version, found.recipe, found.verdicts, found.card, found.code) == ("v2", None, (), None, None)


def versions(models: Path, count: int) -> None:
    for number in range(count):
        made = replace(manifest(f"v{number}"), created_at=AT + timedelta(days=number))
        add_version(candidate(models.parent / f"c{number}", content=str(number)), models, made)


def test_the_newest_and_the_needed_versions_stay(tmp_path: Path) -> None:
    models = tmp_path / "models"
    versions(models, 7)
    point_current(models, "v1")
    (models / ".v9.deleting").mkdir()
    (models / "strange").mkdir()
    assert prune_versions(models, keep=2, needed={"v0", "v3"}) == ("v4", "v2")
    left = {path.name for path in models.iterdir()}
    assert left == {"v0", "v1", "v3", "v5", "v6", "current", "strange"}
    assert prune_versions(models, keep=2, needed={"v0", "v3"}) == ()
    check_version((models / "current").resolve())


def test_a_deletion_that_was_killed_is_finished(tmp_path: Path) -> None:
    models = tmp_path / "models"
    versions(models, 3)
    (models / "v0").rename(models / ".v0.deleting")
    (models / ".v7.writing").mkdir()
    with pytest.raises(NotFoundError):
        read_manifest(models / "v0")
    assert prune_versions(models, keep=2, needed=()) == ()
    assert {path.name for path in models.iterdir()} == {"v1", "v2"}


def test_less_than_a_way_back_is_not_kept() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        ModelSettings(keep=1)


def test_a_change_is_known_until_it_ends(tmp_path: Path) -> None:
    assert not change_begun(tmp_path)
    begin_change(tmp_path)
    begin_change(tmp_path)
    assert change_begun(tmp_path)
    end_change(tmp_path)
    end_change(tmp_path)
    assert not change_begun(tmp_path)


def test_one_change_at_a_time(tmp_path: Path) -> None:
    models = tmp_path / "models"
    with (
        change_alone(models, patience=timedelta(0)),
        pytest.raises(ConflictError, match="another promotion or rollback"),
        change_alone(models, patience=timedelta(0)),
    ):
        raise AssertionError("two changes at once")
    with change_alone(models, patience=timedelta(0)):
        assert models.is_dir()


def test_what_does_not_fit_the_disk_is_not_left_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    models = tmp_path / "models"
    with monkeypatch.context() as patched:
        patched.setattr("shutil.copyfile", full)
        with pytest.raises(OSError, match="No space left"):
            add_version(candidate(tmp_path / "c"), models, manifest(), card=tmp_path / "c" / "config.json")
    assert list(models.iterdir()) == []
    assert check_version(add_version(tmp_path / "c", models, manifest())).version == "v2"
