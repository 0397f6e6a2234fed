"""An S3 server of one's own: moto's, in a process, asked over HTTP as any other is; and its buckets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from postgres import until_it_answers

from driftwatch.demo.workspace import free_port
from driftwatch.intake.folder import FolderSettings

KEY, SECRET = "right", "hunter2"
ENVIRON = {"S3_KEY": KEY, "S3_SECRET": SECRET}
A_PAGE = 50
"""Objects that one answer of a listing holds; 1,000 elsewhere."""


@dataclass
class S3Server:
    """A server with buckets; whatever is asked of it stands in its log."""

    folder: Path

    def __post_init__(self) -> None:
        self.port = free_port()
        self.made = 0
        self._client = httpx.Client(base_url=self.url)
        command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        environment = {**os.environ, "MOTO_S3_DEFAULT_MAX_KEYS": str(A_PAGE)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        until_it_answers(self.ready, self.process)

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        with suppress(httpx.TransportError):
            return self._client.get("/").is_success
        return False

    def bucket(self) -> str:
        """Make a bucket and return its name."""
        self.made += 1
        name = f"logs-{self.made}"
        self._ask("PUT", name)
        return name

    def put(self, bucket: str, key: str, content: bytes) -> None:
        self._ask("PUT", f"{bucket}/{key}", content)

    def delete(self, bucket: str, key: str) -> None:
        self._ask("DELETE", f"{bucket}/{key}")

    def _ask(self, method: str, path: str, content: bytes = b"") -> None:
        signed = {"authorization": f"AWS4-HMAC-SHA256 Credential={KEY}/20260101/us-east-1/s3/aws4_request"}
        self._client.request(method, f"/{path}", content=content, headers=signed).raise_for_status()

    def asked(self) -> int:
        """Return how often it was asked for something so far."""
        return self.log.read_bytes().count(b" HTTP/1.1")

    def guard(self, allowed: dict[str, str]) -> tuple[str, str]:
        """Ask for keys from now on; return those of a user who may do so much, such as ``s3:ListBucket``, with what."""
        session = _boto3().Session(KEY, SECRET, region_name="us-east-1")
        people: Any = session.client("iam", endpoint_url=self.url)
        self.made += 1
        user = f"reader-{self.made}"
        people.create_user(UserName=user)
        rules = [{"Effect": "Allow", "Action": what, "Resource": which} for what, which in allowed.items()]
        policy = json.dumps({"Version": "2012-10-17", "Statement": rules})
        people.put_user_policy(UserName=user, PolicyName="reads", PolicyDocument=policy)
        made = people.create_access_key(UserName=user)["AccessKey"]
        self._client.post("/moto-api/reset-auth", content=b"0").raise_for_status()
        return made["AccessKeyId"], made["SecretAccessKey"]

    def open_up(self) -> None:
        """Ask for keys no more."""
        self._client.post("/moto-api/reset-auth", content=b"inf").raise_for_status()

    def stop(self) -> None:
        self._client.close()
        self.process.kill()
        self.process.wait()


def s3_settings(endpoint: str, url: str, **more: object) -> FolderSettings:
    """Return the settings of a folder in a bucket."""
    return FolderSettings(
        url=url,
        options={"endpoint_url": endpoint},
        secrets={"key": "env:S3_KEY", "secret": "env:S3_SECRET"},
        **more,  # type: ignore[arg-type]
    )


def _boto3() -> Any:
    import boto3

    return boto3


@contextmanager
def s3_server() -> Iterator[S3Server]:
    for package in ("moto", "flask_cors", "s3fs"):
        pytest.importorskip(package, reason=f"{package} is not installed (extra dev)")
    with tempfile.TemporaryDirectory(prefix="driftwatch-s3-") as folder:
        server = S3Server(Path(folder))
        try:
            yield server
        finally:
            server.stop()
