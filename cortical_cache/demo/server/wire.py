"""Build data frames with the server's types, and send them as Arrow or JSON."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from cortical_cache.demo.rows import Ints, Vector
from cortical_cache.demo.server.exchange import Reply, Request, zipped
from cortical_cache.demo.server.positions import component, scale_factors
from cortical_cache.demo.server.selection import Output

Triple = tuple[float, float, float]


def frame(
    outputs: Sequence[Output], places: Sequence[Ints], to: Triple
) -> pd.DataFrame:
    """Gather the answer; `places` are the rows of each output's relation."""
    columns: dict[str, object] = {}
    for output, rows in zip(outputs, places, strict=True):
        vector = output.relation.physical[output.column].take(rows)
        if output.kind == "geometry":
            factors = scale_factors(output.relation.resolution, to)
            stem = output.column + output.suffix
            for axis, letter in enumerate("xyz"):
                values = component(vector, axis, factors)
                columns[f"{stem}_{letter}"] = _int32(values, vector)
        else:
            columns[output.name] = _values(output, vector)
    return pd.DataFrame(columns)


def _int32(values: Ints, vector: Vector) -> object:
    small = np.where(vector.null, 0, values).astype(np.int32)
    return pd.arrays.IntegerArray(small, vector.null.copy())


def _values(output: Output, vector: Vector) -> object:  # noqa: PLR0911 - one answer a line
    kind, view = vector.kind, output.relation.is_view
    null = vector.null.copy()
    if view and not len(vector):
        return pd.Series([], dtype=object)
    if view and null.all():
        return pd.array([None] * len(vector), dtype="string")
    if output.relation.is_split and output.column.endswith(
        ("_root_id", "_supervoxel_id")
    ):
        return pd.arrays.IntegerArray(np.where(null, 1, vector.ints()), null & False)
    if kind == "bigint" or (view and kind in ("integer", "smallint")):
        return pd.arrays.IntegerArray(vector.ints(), null)
    if kind in ("integer", "smallint"):
        return pd.arrays.IntegerArray(vector.ints().astype(np.int32), null)
    if kind in ("double precision", "real", "numeric"):
        return _floats(vector, view=view)
    if kind == "boolean":
        return pd.arrays.BooleanArray(vector.data.astype(np.bool_), null)
    if kind == "timestamp without time zone":
        times = vector.data.astype("datetime64[ns]")
        times[null] = np.datetime64("NaT")
        naive = pd.DatetimeIndex(times)
        return naive if view else naive.tz_localize("UTC")
    if not len(vector):
        return pd.Series([], dtype=object)
    texts = [None if n else v for v, n in zip(vector.data, null, strict=True)]
    return pd.array(texts, dtype="string")


def _floats(vector: Vector, *, view: bool) -> object:
    values = vector.data.astype(np.float64)
    null = vector.null | np.isnan(values)
    values = np.where(null, 0, values)
    if view:
        return pd.arrays.FloatingArray(values, null)
    with np.errstate(over="ignore"):
        return pd.arrays.FloatingArray(values.astype(np.float32), null)


def reply(
    request: Request,
    answer: pd.DataFrame,
    *,
    resolution: Triple,
    names: str,
    warnings: Sequence[str],
) -> Reply:
    """Send a data frame as the query arguments ask."""
    headers = [("Warning", warning.replace("\n", " ")) for warning in warnings]
    headers += [("dataframe_resolution", str(part)) for part in resolution]
    headers += [
        ("column_names", names),
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Expose-Headers", "WWW-Authenticate, column_names"),
    ]
    if not request.flag("return_pyarrow", default=True):
        text = answer.to_json(orient="records").encode()
        json_headers = (("Content-Type", "application/json"), *headers)
        return zipped(request, Reply(200, json_headers, text))
    headers = [("Content-Type", "data.arrow"), ("Cache-Control", "no-cache"), *headers]
    accepted = request.headers.get("accept-encoding", "")
    return zipped(request, Reply(200, tuple(headers), _stream(answer, accepted)))


def _stream(answer: pd.DataFrame, accepted: str) -> bytes:
    batch = pa.RecordBatch.from_pandas(answer)
    codec = "lz4" if "lz4" in accepted else "zstd" if "zstd" in accepted else None
    options = pa.ipc.IpcWriteOptions(compression=codec)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()
