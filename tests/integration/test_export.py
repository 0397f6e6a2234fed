"""Kept models in other registries: a local MLflow on SQLite, and a hub's own calls over HTTP."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hub_server import HubServer

from driftwatch.domain.run import GateMeasure, Recipe, Verdict, VerdictOutcome
from driftwatch.domain.secrets import Secret
from driftwatch.retrain.export import ExportError, HubSettings, MlflowSettings, exported, note_exported
from driftwatch.retrain.export_hub import HubExporter
from driftwatch.retrain.export_mlflow import MlflowExporter
from driftwatch.retrain.promote import VersionManifest, add_version, check_version

AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
GAIN = GateMeasure(name="gain", value=0.3, low=0.2, high=0.4, limit=0.01, unit="nats/token", n=99)
VERDICTS = tuple(
    Verdict(gate="quality", round=n, outcome=VerdictOutcome.PASSED, detail="it gained", measures=(GAIN,))
    for n in (1, 2)
)


def version(folder: Path, name: str, content: str) -> Path:
    source = folder / f"c-{name}"
    source.mkdir()
    (source / "config.json").write_text("{}")
    (source / "model.safetensors").write_text(content)
    manifest = VersionManifest(
        version=name,
        parent="m1",
        run="docs-w0000007",
        created_at=AT,
        digest=f"sha256:{name}",
        recipe=Recipe(name="small"),
        verdicts=VERDICTS,
    )
    return add_version(source, folder / "models", manifest)


OWN = pytest.mark.filterwarnings("ignore::DeprecationWarning")
"""MLflow's own tables ask SQLAlchemy for what that deprecates."""


@OWN
def test_mlflow_gets_files_tags_figures_and_the_alias(tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
    from mlflow import MlflowClient

    tracking = f"sqlite:///{tmp_path / 'mlflow.db'}"
    settings = MlflowSettings(tracking=tracking, artifacts=(tmp_path / "artifacts").as_uri())
    exporter = MlflowExporter(settings, stream="docs")
    first, second = version(tmp_path, "m2", "two"), version(tmp_path, "m3", "three")
    assert exporter.export(first, check_version(first)) == "model docs, version 1"
    assert exporter.export(first, check_version(first)) == "model docs, version 1", "once, however often"
    assert exporter.export(second, check_version(second)) == "model docs, version 2"
    client = MlflowClient(tracking_uri=tracking, registry_uri=tracking)
    serving = client.get_model_version_by_alias("docs", "champion")
    assert str(serving.version) == "2"
    assert serving.tags["driftwatch.version"] == "m3"
    assert serving.tags["driftwatch.parent"] == "m1"
    assert serving.run_id is not None
    run = client.get_run(serving.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["recipe.name"] == "small"
    assert run.data.metrics["quality/gain"] == 0.3
    assert run.data.metrics["quality/gain/low"] == 0.2
    copy = Path(client.download_artifacts(serving.run_id, "model", str(tmp_path)))
    assert (copy / "model.safetensors").read_text() == "three"
    assert check_version(copy).version == "m3", "manifest and hashes travel with it"
    exporter.export(first, check_version(first))
    assert str(client.get_model_version_by_alias("docs", "champion").version) == "1", "the alias follows a rollback"
    assert len(client.search_model_versions("name = 'docs'")) == 2


@OWN
def test_an_mlflow_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
    folder = version(tmp_path, "m2", "two")
    (tmp_path / "not-a-folder").write_text("")
    settings = MlflowSettings(tracking=f"sqlite:///{tmp_path / 'not-a-folder' / 'mlflow.db'}")
    with pytest.raises(ExportError, match="did not take the model"):
        MlflowExporter(settings, stream="docs").export(folder, check_version(folder))


def hub(server: HubServer, token: str) -> HubExporter:
    settings = HubSettings(repository="acme/docs", token="env:HUB_TOKEN", endpoint=server.url)
    return HubExporter(settings, token=Secret(token))


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests switch the library off for the whole process."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_PROGRESS_BARS", True)


@pytest.mark.usefixtures("online")
def test_a_hub_gets_one_commit_and_one_tag_a_version(tmp_path: Path) -> None:
    first, second = version(tmp_path, "m2", "two"), version(tmp_path, "m3", "three")
    (first / "left.json").write_text("{}")
    with HubServer(token="t0ken") as server:
        said = hub(server, "t0ken").export(first, replace(check_version(second), version="m2"))
        assert said == f"acme/docs at {server.head}"
        assert server.private is True
        assert server.files["model.safetensors"] == b"two"
        assert set(server.files) == {"config.json", "driftwatch.json", "left.json", "model.safetensors"}
        server.files["README.md"] = b"by a person"
        hub(server, "t0ken").export(second, check_version(second))
        assert server.files["model.safetensors"] == b"three"
        assert set(server.files) == {"README.md", "config.json", "driftwatch.json", "model.safetensors"}
        assert server.commits == ["m2, from m1 by docs-w0000007", "m3, from m1 by docs-w0000007"]
        assert server.tags == {"m2": f"{1:040d}", "m3": f"{2:040d}"}


@pytest.mark.usefixtures("online")
def test_a_hub_that_refuses_or_is_away_is_told(tmp_path: Path) -> None:
    folder = version(tmp_path, "m2", "two")
    with HubServer(token="t0ken") as server, pytest.raises(ExportError, match="did not take the model") as refused:
        hub(server, "stolen").export(folder, check_version(folder))
    assert "stolen" not in str(refused.value)
    assert server.files == {}


def test_what_a_place_has_is_noted(tmp_path: Path) -> None:
    assert exported(tmp_path, "mlflow") is None
    note_exported(tmp_path, "mlflow", "m2")
    note_exported(tmp_path, "mlflow", "m3")
    assert (exported(tmp_path, "mlflow"), exported(tmp_path, "hub")) == ("m3", None)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: MlflowSettings(tracking="localhost"), "is a URI"),
        (lambda: MlflowSettings(tracking="http://h", token="hunter2"), "a secret is named"),
        (lambda: HubSettings(repository="docs", token="env:T"), "owner/name"),
        (lambda: HubSettings(repository="acme/docs", token="hf_secret"), "a secret is named"),
        (lambda: HubSettings(repository="acme/docs", token="env:T", endpoint="hub"), "no URL"),
    ],
)
def test_settings_check_themselves(make: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()  # type: ignore[operator]
