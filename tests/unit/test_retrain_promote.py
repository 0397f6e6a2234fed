from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from driftwatch.domain.errors import ConflictError, DriftwatchError, ModelError, NotFoundError
from driftwatch.retrain.promote import VersionManifest, add_version, check_version, current_version, point_current

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
