"""A web server with the calls of vLLM's that load, unload and list adapters, as vLLM documents them."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from loopback import LoopbackServer


class VllmServer(LoopbackServer):
    """Serves a base model and adapters; ``stale`` takes a load but lists what it had before."""

    def __init__(self, *, base: str = "base-model", key: str | None = None) -> None:
        self.base, self.key = base, key
        self.adapters: dict[str, str] = {}
        self.calls: list[tuple[str, str]] = []
        self.stale = False
        super().__init__(self._handler())

    def listed(self) -> dict[str, Any]:
        cards = [{"id": self.base, "object": "model", "owned_by": "vllm", "root": self.base, "parent": None}]
        cards += [
            {"id": name, "object": "model", "owned_by": "vllm", "root": path, "parent": self.base}
            for name, path in self.adapters.items()
        ]
        return {"object": "list", "data": cards}

    def load(self, name: str, path: str) -> tuple[int, str]:
        if name in self.adapters:
            return 400, f"The lora adapter '{name}' has already been loaded."
        if not (Path(path) / "adapter_config.json").is_file():
            return 404, f"Loading lora {name} failed: No adapter found for {path}"
        if not self.stale:
            self.adapters[name] = path
        return 200, f"Success: LoRA adapter '{name}' added successfully."

    def unload(self, name: str) -> tuple[int, str]:
        if name not in self.adapters:
            return 404, f"The lora adapter '{name}' cannot be found."
        del self.adapters[name]
        return 200, f"Success: LoRA adapter '{name}' removed successfully."

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/v1/models" and self._may():
                    self._say(200, json.dumps(server.listed()))

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if not self._may():
                    return
                call = self.path.removeprefix("/v1/")
                server.calls.append((call, asked["lora_name"]))
                if call == "load_lora_adapter":
                    self._say(*server.load(asked["lora_name"], asked["lora_path"]))
                else:
                    self._say(*server.unload(asked["lora_name"]))

            def _may(self) -> bool:
                if server.key is None or self.headers["Authorization"] == f"Bearer {server.key}":
                    return True
                self._say(401, "Unauthorized")
                return False

            def _say(self, status: int, text: str) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        return Handler
