"""vLLM's adapters: a new version is loaded under a name of its own, verified, and the earlier ones unloaded.

An adapter reloaded in place under its old name has been served stale or wrong (vllm-project/vllm issues 42125, 47724);
a name that holds the version cannot be: what is listed under it is that version.

Source: https://docs.vllm.ai/en/latest/features/lora/, "Dynamically serving LoRA adapters".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import msgspec

from driftwatch.domain.secrets import check_reference
from driftwatch.domain.urls import check_url
from driftwatch.retrain.calls import ReloadError, request

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from driftwatch.domain.secrets import Secret

ADAPTER = "adapter"
"""Folder in a version's own that holds its adapter, as peft saves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmSettings:
    """A vLLM server that serves a base model with adapters (``--enable-lora``, VLLM_ALLOW_RUNTIME_LORA_UPDATING=True).

    Args:
        url: its root, such as ``http://127.0.0.1:8000``.
        base: version whose weights it was started with; None for the stream's first.
        key: reference of the secret that is its ``--api-key``, such as ``file:/etc/driftwatch/vllm``.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    url: str
    base: str | None = None
    key: str | None = None

    def __post_init__(self) -> None:
        """Check what can be checked without calling anything."""
        check_url(self.url)
        if self.key is not None:
            check_reference(self.key)


class Card(msgspec.Struct, frozen=True):
    """What ``/v1/models`` says of one model; an adapter has a parent or a root that is its folder."""

    id: str
    root: str | None = None
    parent: str | None = None


class _Cards(msgspec.Struct):
    data: list[Card]


class Vllm:
    """One server's adapters.

    Args:
        url: its root.
        stream: whose adapters are handled; others' are left alone.
        key: of its API; None where it has none.
        timeout: longest wait for each step of a request.
    """

    def __init__(self, url: str, *, stream: str, key: Secret | None, timeout: timedelta) -> None:
        self._url = url.rstrip("/")
        self._prefix = f"{stream}."
        self._headers = {"Authorization": f"Bearer {key.reveal()}"} if key is not None else {}
        self._timeout = timeout

    def name(self, version: str) -> str:
        """Return the name that requests ask for; a full stop ends the stream's, which cannot hold one."""
        return f"{self._prefix}{version}"

    def base(self) -> str:
        """Return the name of the base model.

        Raises:
            ReloadError: the server cannot be asked, or lists no base model.
        """
        for card in self._listed().values():
            if card.parent is None and not card.id.startswith(self._prefix):
                return card.id
        raise ReloadError("vLLM lists no base model", where=self._url)

    def load(self, version: str, adapter: Path) -> str:
        """Load a version's adapter unless it is served already, and verify that it is; returns its name.

        Raises:
            ReloadError: it cannot be loaded, or is not served afterwards.
        """
        name, listed = self.name(version), self._listed()
        if name in listed and listed[name].root != str(adapter):
            self._unload(name)
            listed.pop(name)
        if name not in listed:
            self._post("load_lora_adapter", {"lora_name": name, "lora_path": str(adapter)})
        served = self._listed().get(name)
        if served is None:
            raise ReloadError(f"vLLM took {name} but does not list it", where=self._url)
        if served.root not in (None, str(adapter)):
            raise ReloadError(f"vLLM serves {name} from {served.root}, not from {adapter}", where=self._url)
        return name

    def unload_others(self, kept: str | None) -> None:
        """Unload every other adapter of the stream, and verify that they are gone.

        Raises:
            ReloadError: one of them stays.
        """
        stays = {kept} if kept is not None else set()
        for name in self._ours() - stays:
            self._unload(name)
        if left := self._ours() - stays:
            raise ReloadError(f"vLLM still lists {', '.join(sorted(left))}", where=self._url)

    def _ours(self) -> set[str]:
        return {name for name in self._listed() if name.startswith(self._prefix)}

    def _unload(self, name: str) -> None:
        self._post("unload_lora_adapter", {"lora_name": name})

    def _listed(self) -> dict[str, Card]:
        heard = request(f"{self._url}/v1/models", what="vLLM", timeout=self._timeout, headers=self._headers)
        try:
            cards = msgspec.json.decode(heard.body, type=_Cards).data
        except msgspec.DecodeError:
            raise ReloadError("what vLLM lists as its models cannot be read", where=self._url) from None
        return {card.id: card for card in cards}

    def _post(self, call: str, body: dict[str, str]) -> None:
        request(
            f"{self._url}/v1/{call}",
            what=f"vLLM ({call})",
            timeout=self._timeout,
            body=msgspec.json.encode(body),
            headers=self._headers,
        )
