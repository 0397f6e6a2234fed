"""Texts in a Redis stream, read as a member of a consumer group; entries are acknowledged after the store's commit."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import msgspec

from driftwatch.domain.errors import DataError
from driftwatch.domain.secrets import check_reference, read_secret
from driftwatch.domain.text import Cursor, Page
from driftwatch.intake.connection import needed
from driftwatch.intake.gathered import Gathered
from driftwatch.intake.payload import take_payload, written_at
from driftwatch.intake.plain import plain_of
from driftwatch.intake.record_fields import RecordFields, records_of
from driftwatch.intake.records import Records, Rejected

if TYPE_CHECKING:
    from driftwatch.domain.protocols import Clock

_SECONDS = 10
_LONGEST_VALUE = 8 * 1024 * 1024
_MOST_BYTES_A_PAGE = 8 * 1024 * 1024
_ENTRIES = 1_000
_READ = """
local key, group, consumer, from = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local count, longest, room = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local found, step = {}, 50
while #found < count and room > 0 do
  local most = math.min(step, count - #found)
  local read = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', most, 'STREAMS', key, from)
  if not read or #read[1][2] == 0 then break end
  for _, entry in ipairs(read[1][2]) do
    local fields = entry[2]
    if fields then
      for at = 2, #fields, 2 do
        if #fields[at] > longest then fields[at] = ''; fields[at - 1] = ARGV[7] end
        room = room - #fields[at]
      end
    end
    found[#found + 1] = entry
    if from ~= '>' then from = entry[1] end
  end
end
return found
"""
"""Reads in small steps and cuts what is too long where it lies, so that no answer is larger than we can hold."""

_CLAIM = """
local claimed, gone, from = 0, 0, '0-0'
repeat
  local found = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], from, 'COUNT', ARGV[4], 'JUSTID')
  from, claimed = found[1], claimed + #found[2]
  if found[3] then gone = gone + #found[3] end
until from == '0-0'
return {claimed, gone}
"""
"""Returns how many entries were taken over, and how many had been read, were trimmed away, and are now off the list."""
_SHUT_OUT = ("NOAUTH", "WRONGPASS", "NOPERM", "no permissions", "can't run this command", "Authentication required")
_TOO_LONG = b"\x00too-long"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisSettings(RecordFields):
    """A Redis stream.

    Args:
        type: ``redis``.
        url: of the server, such as ``redis://redis:6379/0`` or ``rediss://…`` for TLS, without a password; or a
            reference to a whole URL, such as ``env:REDIS_URL``.
        password: reference of the password, such as ``file:/etc/driftwatch/redis``.
        key: of the stream.
        consumers: name of the consumer group; left out, ``driftwatch-`` and the name of driftwatch's stream.
        consumer: name within the group, different on every host; left out, the host's name.
        begin: where a group that is new begins: with the ``oldest`` entry, or with those that come from now on
            (``newest``).
        claim: entries that another consumer took and did not acknowledge for so long are taken over.
        payload: field of an entry that holds the record as JSON, or several as an array or one a line; left out, the
            entry's own fields are the record.
        id: field path of the text's id; without one the entry's id is its id.
        time: field path of its time; without one the entry's.
        name: of the source; two sources of a stream need different ones.
    """

    type: Literal["redis"] = "redis"
    url: str
    password: str | None = None
    key: str
    consumers: str | None = None
    consumer: str | None = None
    begin: Literal["oldest", "newest"] = "oldest"
    claim: timedelta = timedelta(minutes=5)
    payload: str | None = None
    name: str = "redis"

    def __post_init__(self) -> None:
        if "://" not in self.url:
            check_reference(self.url)
        elif not re.match(r"(rediss?|unix)://", self.url):
            raise ValueError("url must begin with redis://, rediss:// or unix://")
        elif urlsplit(self.url).password is not None:
            raise ValueError('a password stands in the URL; name it: password = "env:NAME", or url = "env:NAME"')
        if self.password is not None:
            check_reference(self.password)
        if not self.key:
            raise ValueError("key must name the Redis stream")
        if self.claim < timedelta(seconds=1):
            raise ValueError("claim must be at least 1s: a consumer at work must not lose its entries")
        records_of(self)


class RedisSource:
    """Reads a Redis stream as one of a consumer group.

    Until a page is acknowledged, ``read`` gives it again. After a restart, entries that were read and not acknowledged
    come first, then those of consumers that died, then new ones.

    Args:
        settings: which stream and what its records look like.
        stream: driftwatch's own, for the group's name.
        clock: for takeovers.
        environ: where references to secrets begin.

    Raises:
        ConfigError: a secret or the package is missing.
    """

    def __init__(self, settings: RedisSettings, *, stream: str, clock: Clock, environ: Mapping[str, str]) -> None:
        self._settings, self._clock = settings, clock
        self._records, self._plain = records_of(settings), plain_of(settings)
        self._errors: Any = needed("redis.exceptions", extra="redis", where=f"source {settings.name}")
        redis: Any = needed("redis", extra="redis", where=f"source {settings.name}")
        url = settings.url if "://" in settings.url else read_secret(settings.url, environ=environ).reveal()
        more = {"password": read_secret(settings.password, environ=environ).reveal()} if settings.password else {}
        self._client: Any = redis.Redis.from_url(
            url, **more, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, health_check_interval=_SECONDS
        )
        self._group = settings.consumers or f"driftwatch-{stream}"
        self._consumer = settings.consumer or socket.gethostname()
        self._script: Any = self._client.register_script(_READ)
        self._claiming: Any = self._client.register_script(_CLAIM)
        self._given: Page | None = None
        self._unacknowledged: list[bytes] = []
        self._old_from: str | None = "0"
        self._gone = 0
        self._claimed_at: datetime | None = None

    def read(self, after: Cursor | None, *, limit: int) -> Page:
        """Return the next texts, or those that were not acknowledged yet; the group knows where it is.

        Raises:
            DataError: the server or the stream cannot be reached or read.
        """
        del after
        if self._given is not None:
            return self._given
        try:
            page = self._read(min(limit, _ENTRIES))
        except (self._errors.RedisError, OSError) as error:
            self._old_from, self._given = "0", None
            raise self._explained(error) from error
        if page.cursor is not None:
            self._given = page
        return page

    def acknowledge(self, cursor: Cursor) -> None:
        """Take the last page's entries off the group's list of what is under way.

        Raises:
            DataError: the server cannot be reached; the page's entries come again, and are known by their ids.
        """
        del cursor
        entries, self._unacknowledged, self._given = self._unacknowledged, [], None
        try:
            if entries:
                self._client.xack(self._settings.key, self._group, *entries)
        except (self._errors.RedisError, OSError) as error:
            self._old_from = "0"
            raise self._explained(error) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _read(self, limit: int) -> Page:
        self._claim()
        entries: Sequence[Any] = []
        if self._old_from is not None:
            entries = self._entries(self._old_from, limit)
            self._old_from = entries[-1][0].decode() if entries else None
        if not entries:
            entries = self._entries(">", limit)
        return self._page(entries)

    def _page(self, entries: Sequence[Any]) -> Page:
        if not entries:
            return Page(texts=(), cursor=None)
        gathered = Gathered()
        gathered.rejected["deleted"], self._gone = self._gone, 0
        for entry, fields in entries:
            self._take(entry.decode(), fields, gathered)
        self._unacknowledged = [entry for entry, _ in entries]
        position = msgspec.json.encode({"entry": entries[-1][0].decode()}).decode()
        return gathered.page(Cursor(source=self._settings.name, position=position), more=True)

    def _take(self, entry: str, fields: Sequence[bytes] | None, gathered: Gathered) -> None:
        """Read an entry; one that was deleted meanwhile has no fields."""
        if fields is None:
            gathered.rejected["deleted"] += 1
            return
        record = dict(zip(fields[::2], fields[1::2], strict=True))
        place, now = f"{self._settings.key}:{entry}", written_at(int(entry.partition("-")[0]), self._clock.now())
        if _TOO_LONG in record:
            gathered.take(Rejected("too-long"))
        elif self._settings.payload is None:
            take_record(self._records, record, gathered, place=place, now=now)
        elif (payload := record.get(self._settings.payload.encode())) is None:
            gathered.take(Rejected("no-body"))
        else:
            take_payload(self._records, self._plain, payload, gathered, place=place, now=now)

    def _entries(self, begin: str, limit: int) -> Sequence[Any]:
        arguments = [self._group, self._consumer, begin, limit, _LONGEST_VALUE, _MOST_BYTES_A_PAGE, _TOO_LONG]
        found: Sequence[Any] = self._script(keys=[self._settings.key], args=arguments)
        return found

    def _claim(self) -> None:
        """Take over what dead consumers left, once within the time that makes them dead; make the group at first."""
        now = self._clock.now()
        if self._claimed_at is not None and now - self._claimed_at < self._settings.claim:
            return
        if self._claimed_at is None:
            self._join()
        idle = int(self._settings.claim.total_seconds() * 1000)
        arguments = [self._group, self._consumer, idle, _ENTRIES]
        claimed, gone = self._claiming(keys=[self._settings.key], args=arguments)
        self._gone += gone
        if claimed:
            self._old_from = "0"
        self._claimed_at = now

    def _join(self) -> None:
        first = "0" if self._settings.begin == "oldest" else "$"
        try:
            self._client.xgroup_create(self._settings.key, self._group, first)
        except self._errors.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _explained(self, error: Exception) -> DataError:
        said = str(error)
        what, cure = f"Redis cannot be read: {said}", "check that it runs, and its address"
        if "requires the key to exist" in said or "NOGROUP" in said:
            self._claimed_at = None
            what, cure = "there is no such Redis stream yet", "correct the key, or wait for a first entry"
        elif "WRONGTYPE" in said or "wrong kind of value" in said:
            what, cure = "this key holds something else than a stream", "name the key of a stream"
        elif isinstance(error, self._errors.AuthenticationError) or any(word in said for word in _SHUT_OUT):
            what, cure = f"Redis does not let us in: {said}", "correct user, password or the user's rights"
        where = f"key {self._settings.key} of source {self._settings.name}"
        return DataError(what, where=where, cure=cure, retryable=True)


def take_record(
    records: Records, record: Mapping[bytes, bytes], gathered: Gathered, *, place: str, now: datetime
) -> None:
    """Read an entry's own fields as a record."""
    try:
        plain = {name.decode(): value.decode() for name, value in record.items()}
    except UnicodeDecodeError:
        gathered.take(Rejected("not-utf8"))
        return
    gathered.take(records.record(plain, place=place, now=now))
