"""Buckets as they are in life, on a server that is asked over HTTP: pages, keys, losses in mid-read, other content."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Iterator
from datetime import timedelta

import pytest
from relay import Relay
from s3_server import A_PAGE, ENVIRON, S3Server, s3_server, s3_settings
from source_places import Striding

from driftwatch.domain.errors import DataError
from driftwatch.domain.text import Cursor, Page
from driftwatch.intake.folder import FolderSource

pytest.importorskip("s3fs", reason="the extra s3 is not installed")


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture
def relay(server: S3Server) -> Iterator[Relay]:
    with Relay(server.port) as between:
        yield between


def source(endpoint: str, url: str, secrets: dict[str, str] = ENVIRON, **settings: object) -> FolderSource:
    said = s3_settings(endpoint, url, every=timedelta(), **settings)
    return FolderSource(said, clock=Striding(), environ=secrets)


def drain(from_: FolderSource, cursor: Cursor | None = None, limit: int = 1_000) -> tuple[list[str], dict[str, int]]:
    bodies: list[str] = []
    rejected: dict[str, int] = {}
    more = True
    while more:
        page = from_.read(cursor, limit=limit)
        bodies += [text.body for text in page.texts]
        for reason, count in page.rejected.items():
            rejected[reason] = rejected.get(reason, 0) + count
        cursor, more = page.cursor or cursor, page.more
    from_.close()
    return bodies, rejected


def retried(from_: FolderSource, cursor: Cursor | None, limit: int) -> Page | None:
    """Return a page, or None where the source says that it may be asked again."""
    try:
        return from_.read(cursor, limit=limit)
    except DataError as error:
        if not error.retryable:
            raise
        return None


def lines(*bodies: str) -> bytes:
    return "".join(json.dumps({"text": body}) + "\n" for body in bodies).encode()


def noise(count: int, length: int = 1_000) -> list[str]:
    chance = random.Random(0)
    return [f"{number} {chance.randbytes(length // 2).hex()}" for number in range(count)]


def parquet(bodies: list[str], group: int) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    file = io.BytesIO()
    table = pa.table({"text": bodies, "id": [f"i{n}" for n in range(len(bodies))], "who": ["me"] * len(bodies)})
    pa.parquet.write_table(table, file, row_group_size=group, compression="none", use_dictionary=False)
    return file.getvalue()


def test_more_objects_than_a_listing_holds(server: S3Server) -> None:
    bucket, names = server.bucket(), [f"chat/day={number % 3}/{number:03}.jsonl" for number in range(2 * A_PAGE + 7)]
    for name in names:
        server.put(bucket, name, lines(name))
    server.put(bucket, "chat/", b"")  # a folder, as consoles make them
    server.put(bucket, "other/x.jsonl", lines("not below chat"))
    assert sorted(drain(source(server.url, f"s3://{bucket}/chat"))[0]) == sorted(names)


def test_objects_that_come_while_it_reads(server: S3Server) -> None:
    bucket = server.bucket()
    server.put(bucket, "1.jsonl", lines("a"))
    reading = source(server.url, f"s3://{bucket}")
    page = reading.read(None, limit=9)
    server.put(bucket, "2.jsonl", lines("b"))
    server.put(bucket, "1.jsonl", lines("c"))  # as long, in the same second: its content tells
    again = reading.read(page.cursor, limit=9)
    assert sorted(text.body for text in again.texts) == ["b", "c"]
    assert reading.read(again.cursor, limit=9).texts == ()
    reading.close()


def test_no_bucket_and_no_folder_in_it_yet(server: S3Server) -> None:
    for url, said in (("s3://nowhere", "bucket does not exist"), (f"s3://{server.bucket()}/later", "no such folder")):
        reading = source(server.url, url)
        with pytest.raises(DataError, match=said) as caught:
            reading.read(None, limit=1)
        assert (caught.value.where, caught.value.retryable) == (url, True)
        reading.close()


def test_wrong_keys_are_told_and_never_shown(server: S3Server) -> None:
    bucket = server.bucket()
    server.put(bucket, "1.jsonl", lines("a"))
    key, secret = server.guard({"s3:ListBucket": "*", "s3:GetObject": "*"})
    try:
        for wrong, told in (
            ({"S3_KEY": key, "S3_SECRET": "hunter3"}, "signature"),
            ({"S3_KEY": "nobody", "S3_SECRET": "hunter3"}, "[Aa]ccess [Kk]ey"),
        ):
            with pytest.raises(DataError, match=told) as caught:
                source(server.url, f"s3://{bucket}", wrong).read(None, limit=1)
            assert caught.value.retryable
            assert "key" in str(caught.value.cure)
            assert "hunter" not in str(caught.value)
        right = {"S3_KEY": key, "S3_SECRET": secret}
        assert drain(source(server.url, f"s3://{bucket}", right))[0] == ["a"]
    finally:
        server.open_up()


def test_an_object_that_the_key_may_not_read_waits_and_the_rest_goes_on(server: S3Server) -> None:
    bucket = server.bucket()
    for name in ("1.jsonl", "open/2.jsonl", "open/3.jsonl"):
        server.put(bucket, name, lines(name))
    key, secret = server.guard({"s3:ListBucket": "*", "s3:GetObject": f"arn:aws:s3:::{bucket}/open/*"})
    try:
        reading = source(server.url, f"s3://{bucket}", {"S3_KEY": key, "S3_SECRET": secret})
        page = reading.read(None, limit=9)
        assert sorted(text.body for text in page.texts) == ["open/2.jsonl", "open/3.jsonl"]
        with pytest.raises(DataError, match="it cannot be read") as caught:
            reading.read(page.cursor, limit=9)
        assert (caught.value.where, caught.value.retryable) == (f"{bucket}/1.jsonl", True)
    finally:
        server.open_up()
    assert [text.body for text in reading.read(page.cursor, limit=9).texts] == ["1.jsonl"]
    reading.close()


def test_an_answer_that_breaks_off_and_a_server_that_is_gone(server: S3Server, relay: Relay) -> None:
    bucket, bodies = server.bucket(), noise(9_000)
    server.put(bucket, "1.jsonl", lines(*bodies[:4_500]))
    server.put(bucket, "2.jsonl.gz", gzip.compress(lines(*bodies[4_500:]), 1))
    reading = source(f"http://127.0.0.1:{relay.port}", f"s3://{bucket}")
    found, cursor, failures = list[str](), None, 0
    relay.cut_after(2_000_000)
    while len(found) < len(bodies):
        page = retried(reading, cursor, limit=500)
        if page is None:
            failures += 1
            if failures == 2:  # the server was gone a while
                relay.mend()
            continue
        found += [text.body for text in page.texts]
        cursor = page.cursor or cursor
        if failures == 2 and len(found) == 4_500:  # and once more, within a packed file
            relay.cut_after(1_000_000)
            failures = 0
    assert relay.broke_off.is_set()
    assert found == bodies
    reading.close()


def test_an_object_that_is_replaced_while_it_is_read(server: S3Server) -> None:
    bucket, old = server.bucket(), noise(9_000)
    server.put(bucket, "1.jsonl", lines(*old))
    reading = source(server.url, f"s3://{bucket}")
    page = reading.read(None, limit=100)
    new = [f"new {body}" for body in old]
    server.put(bucket, "1.jsonl", lines(*new))
    found, cursor, failures = [text.body for text in page.texts], page.cursor, 0
    while found[-1] != new[-1]:
        later = retried(reading, cursor, limit=1_000)
        failures += later is None
        found += [text.body for text in later.texts] if later is not None else []
        cursor = (later.cursor if later is not None else None) or cursor
    assert failures <= 1
    begin = found.index(new[0])
    assert found[:begin] == old[:begin], "what was read of the old one is whole"
    assert found[begin:] == new
    reading.close()


def test_a_bomb_in_a_bucket_is_left_out(server: S3Server) -> None:
    bucket = server.bucket()
    server.put(bucket, "1.jsonl.gz", gzip.compress(bytes(300 * 1024 * 1024), 9))
    server.put(bucket, "2.jsonl.gz", b"no gzip")
    server.put(bucket, "3.parquet", b"PAR1 but not really PAR1")
    server.put(bucket, "4.jsonl", lines("good"))
    bodies, rejected = drain(source(server.url, f"s3://{bucket}"))
    assert bodies == ["good"]
    assert rejected == {"unpacks-too-much": 1, "unreadable-file": 2}


def test_parquet_is_asked_for_in_few_pieces(server: S3Server) -> None:
    bucket, bodies = server.bucket(), noise(20_000)
    content = parquet(bodies, group=5_000)
    server.put(bucket, "1.parquet", content)
    asked = server.asked()
    found, _ = drain(source(server.url, f"s3://{bucket}", id="id", group="who"))
    assert found == bodies
    assert server.asked() - asked < 5 + 2 * len(content) / 2**22, "each piece about once, however many columns"
