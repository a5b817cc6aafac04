"""The export bucket: CSV dumps under Google's storage API and as plain files.

Dumps are made when first asked for, and are the same every time.
"""

import base64
import gzip
import hashlib
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

import numpy as np
import pandas as pd

from cortical_cache.demo.rows import Rows, Vector
from cortical_cache.demo.server.crc32c import crc32c
from cortical_cache.demo.server.deployment import Deployment
from cortical_cache.demo.server.exchange import (
    Fault,
    Reply,
    Request,
    html_reply,
    json_reply,
    part_reply,
)
from cortical_cache.demo.world import MergedTable

_EWKB_POINT_Z = np.frombuffer(bytes.fromhex("0101000080"), np.uint8)
_PAGE = 1000

# PostgreSQL quotes an empty text, to tell it from NULL; pandas cannot be told to.
_EMPTY = "\N{SYMBOL FOR NULL}"


@dataclass(frozen=True, slots=True)
class Stored:
    """One object of the bucket."""

    name: str
    data: bytes
    updated: datetime

    @property
    def md5(self) -> bytes:
        """The MD5 of the data."""
        return hashlib.md5(self.data, usedforsecurity=False).digest()

    @property
    def generation(self) -> str:
        """A number that changes with the data."""
        return str(1_600_000_000_000_000 + int.from_bytes(self.md5[:5], "big"))


class Exports:
    """The dumps of a world's versions, by object name."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._made: dict[str, Stored] = {}
        self._lock = threading.Lock()
        self._recipes = dict(self._list())

    def names(self) -> list[str]:
        """Return all object names in order."""
        return sorted(self._recipes)

    def get(self, name: str) -> Stored | None:
        """Return an object, making it if need be."""
        if name not in self._recipes:
            return None
        with self._lock:
            if name not in self._made:
                key, table, part = self._recipes[name]
                rows = self._rows(key, table, part)
                header = name.endswith("_header.csv")
                data = _header(rows) if header else _dump(rows)
                self._made[name] = Stored(name, data, self._stamp(key))
            return self._made[name]

    def _list(self) -> Iterator[tuple[str, tuple[tuple[str, int], str, str]]]:
        world = self._deployment.world
        for key, tables in world.frozen.items():
            stem = f"{key[0]}/v{key[1]}/"
            segmentation = world.datastacks[key[0]].segmentation
            merged = world.datastacks[key[0]].version(key[1])
            live = self._deployment.volume(world.datastacks[key[0]]).tables
            for table in tables:
                dumps = {table: "table"}
                is_split = merged is not None and not merged.is_merged
                if is_split and live[table].segmentation is not None:
                    dumps[f"{table}__{segmentation}"] = "segmentation"
                for name, part in dumps.items():
                    yield f"{stem}{name}.csv.gz", (key, table, part)
                    yield f"{stem}{name}_header.csv", (key, table, part)
        for key, views in world.view_rows.items():
            for view in views if key[1] else ():
                stem = f"{key[0]}/v{key[1]}/{view}"
                yield f"{stem}.csv.gz", (key, view, "view")
                yield f"{stem}_header.csv", (key, view, "view")

    def _rows(self, key: tuple[str, int], table: str, part: str) -> Rows:
        world = self._deployment.world
        if part == "view":
            return world.view_rows[key][table]
        frozen = world.frozen[key][table]
        if isinstance(frozen, MergedTable):
            return frozen.flat
        if part == "segmentation" and frozen.segmentation is not None:
            return frozen.segmentation
        return frozen.annotation

    def _stamp(self, key: tuple[str, int]) -> datetime:
        version = self._deployment.world.datastacks[key[0]].version(key[1])
        if version is None:
            raise KeyError(key)
        return version.time_stamp


def _header(rows: Rows) -> bytes:
    kinds = {name: vector.kind for name, vector in rows.columns.items()}
    lines = [
        f"{name},{'USER-DEFINED' if kind == 'geometry' else kind}"
        for name, kind in kinds.items()
    ]
    return ("\n".join(lines) + "\n").encode()


def _dump(rows: Rows) -> bytes:
    frame = pd.DataFrame({name: _texts(v) for name, v in rows.columns.items()})
    text = io.StringIO()
    frame.to_csv(text, header=False, index=False, na_rep="", lineterminator="\n")
    printed = text.getvalue().replace(_EMPTY, '""')
    return gzip.compress(printed.encode(), 1, mtime=0)


def _texts(vector: Vector) -> pd.Series:
    """Print values as PostgreSQL's COPY does; null is nothing."""
    if vector.kind == "geometry":
        texts = pd.Series(_ewkb(vector), dtype=object)
    elif vector.kind == "boolean":
        texts = pd.Series(
            np.where(vector.data.astype(np.bool_), "t", "f"), dtype=object
        )
    elif vector.kind == "timestamp without time zone":
        texts = pd.Series([_time(t) for t in vector.data.tolist()], dtype=object)
    elif vector.kind in ("double precision", "real", "numeric"):
        texts = pd.Series([_float(v) for v in vector.data.tolist()], dtype=object)
    elif vector.kind == "character varying":
        texts = pd.Series(vector.data.tolist(), dtype=object).replace("", _EMPTY)
    else:
        return pd.Series(pd.arrays.IntegerArray(vector.ints(), vector.null.copy()))
    return texts.mask(vector.null)


def _time(value: datetime | None) -> str | None:
    if value is None:
        return None
    text = value.isoformat(sep=" ")
    # Trailing zeros of the fraction are not printed.
    return text.rstrip("0") if value.microsecond else text


def _float(value: float) -> str:
    if np.isfinite(value):
        return repr(value).removesuffix(".0")
    return "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _ewkb(vector: Vector) -> list[str]:
    raw = np.zeros((len(vector), 29), dtype=np.uint8)
    raw[:, :5] = _EWKB_POINT_Z
    raw[:, 5:] = (
        np.ascontiguousarray(vector.xyz(), "<f8").view(np.uint8).reshape(-1, 24)
    )
    text = raw.tobytes().hex().upper()
    return [text[i : i + 58] for i in range(0, len(text), 58)]


class Storage:
    """The HTTP side of the bucket."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._exports = Exports(deployment)
        self._checksums: dict[str, str] = {}

    def _object(self, bucket: str, name: str) -> Stored:
        found = None
        if bucket == self._deployment.world.bucket:
            found = self._exports.get(name)
        if found is None:
            message = f"No such object: {bucket}/{name}"
            error = {"code": 404, "message": message}
            raise Fault(json_reply({"error": error}, 404))
        return found

    def _describe(self, stored: Stored) -> dict[str, object]:
        bucket, url = self._deployment.world.bucket, self._deployment.url
        if stored.name not in self._checksums:
            crc = crc32c(stored.data).to_bytes(4, "big")
            self._checksums[stored.name] = base64.b64encode(crc).decode()
        path = f"b/{bucket}/o/{quote(stored.name, safe='')}"
        kind = "application/gzip" if stored.name.endswith(".gz") else "text/csv"
        moment = stored.updated.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "kind": "storage#object",
            "id": f"{bucket}/{stored.name}/{stored.generation}",
            "selfLink": f"{url}/storage/v1/{path}",
            "mediaLink": f"{url}/download/storage/v1/{path}?alt=media",
            "name": stored.name,
            "bucket": bucket,
            "generation": stored.generation,
            "metageneration": "1",
            "contentType": kind,
            "storageClass": "STANDARD",
            "size": str(len(stored.data)),
            "md5Hash": base64.b64encode(stored.md5).decode(),
            "crc32c": self._checksums[stored.name],
            "etag": base64.b64encode(stored.md5[:9]).decode(),
            "timeCreated": moment,
            "updated": moment,
        }

    def listing(self, _deployment: Deployment, request: Request, bucket: str) -> Reply:
        """List objects by prefix, folded at a delimiter, page by page."""
        if bucket != self._deployment.world.bucket:
            error = {"code": 404, "message": "The specified bucket does not exist."}
            raise Fault(json_reply({"error": error}, 404))
        prefix = request.query.get("prefix", "")
        delimiter = request.query.get("delimiter", "")
        after = request.query.get("pageToken", "")
        size = min(int(request.query.get("maxResults", _PAGE)), _PAGE)
        entries: dict[str, bool] = {}
        for name in self._exports.names():
            if name.startswith(prefix):
                rest = name[len(prefix) :]
                folded = bool(delimiter) and delimiter in rest
                if folded:
                    rest = rest[: rest.index(delimiter) + len(delimiter)]
                entries[prefix + rest] = folded
        page = [entry for entry in entries if entry > after][: size + 1]
        answer: dict[str, object] = {"kind": "storage#objects"}
        if len(page) > size:
            page.pop()
            answer["nextPageToken"] = page[-1]
        items = [self._object(bucket, e) for e in page if not entries[e]]
        if items:
            answer["items"] = [self._describe(item) for item in items]
        prefixes = [entry for entry in page if entries[entry]]
        if prefixes:
            answer["prefixes"] = prefixes
        return json_reply(answer)

    def item(
        self, _deployment: Deployment, request: Request, bucket: str, name: str
    ) -> Reply:
        """Describe an object, or send it if the query asks for the media."""
        stored = self._object(bucket, name)
        if request.query.get("alt") == "media":
            return self._send(request, stored)
        return json_reply(self._describe(stored))

    def file(
        self, _deployment: Deployment, request: Request, bucket: str, name: str
    ) -> Reply:
        """Send an object as a plain file."""
        if bucket != self._deployment.world.bucket or name not in self._exports.names():
            raise Fault(html_reply(404))
        return self._send(request, self._object(bucket, name))

    def _send(self, request: Request, stored: Stored) -> Reply:
        tag = f'"{stored.md5.hex()}"'
        record = self._describe(stored)
        digest = f"crc32c={record['crc32c']},md5={record['md5Hash']}"
        headers = (
            ("Content-Type", str(record["contentType"])),
            ("ETag", tag),
            ("Accept-Ranges", "bytes"),
            ("Last-Modified", stored.updated.strftime("%a, %d %b %Y %H:%M:%S GMT")),
            ("x-goog-hash", digest),
            ("x-goog-generation", stored.generation),
        )
        if request.headers.get("if-none-match") == tag:
            return Reply(304, headers, b"")
        return part_reply(request, headers, stored.data)
