"""Whether answers are whole, and whether positions are computed as we compute them."""

import re
from decimal import Decimal
from itertools import pairwise

from cortical_cache.selfcheck.probe import Outcome, Probe, Verdict, judged, probe
from cortical_cache.selfcheck.server import Answer, Server, UntestableError, between

__all__ = ["PROBES"]

_LONG_REPLY = 300
_GUESSED_CAP = 200_000
_RATIOS = (9.7, 4.6, 8.2, 9.2, 10.2, 2.425, 9.7 / 9.0, 1.1, 1.3, 3.3, 0.7, 5.7)


@probe(
    "count-of-rows",
    assumes="counts: `count=True` counts what a query with the same filters returns",
    otherwise="cut replies could pass for whole ones: no count proves anything then; "
    "do not trust what was mirrored from this server",
)
def _count_of_rows(server: Server) -> Verdict:
    name, ids = server.id_range()
    filters = between(ids[0], ids[-1] + 1)
    counted = server.count(name, filters)
    return judged(counted == len(ids), f"{name}: {len(ids)} rows, counted {counted}")


@probe(
    "join-not-counted",
    assumes="counts: the join endpoint ignores `count=True` and returns rows",
    otherwise="the line on it in the documented differences is out of date",
)
def _join_not_counted(server: Server) -> Verdict:
    name, target = _reference(server)
    ids = server.sample(name).ints("id")[:3]
    body = {
        "tables": [[name, "target_id"], [target, "id"]],
        "filter_in_dict": {name: {"id": ids}},
    }
    url = server.session.url("join_query", version=server.version)
    sent = server.post(url, body, count=True).table.column_names
    return judged(sent != ["count"], f"columns {sent[:4]}")


@probe(
    "limit-warning",
    assumes="cuts: the `Limited query` warning comes exactly if a reply is as long as "
    "its limit, be it whole or not",
    otherwise="a cut reply could pass for a whole one: prove every reply by a count",
)
def _limit_warning(server: Server) -> Verdict:
    name, ids = server.id_range()
    filters, rows = between(ids[0], ids[-1] + 1), len(ids)
    if rows < 2:  # noqa: PLR2004  one less must be a limit, too
        raise UntestableError(f"{name} has only {rows} row looked at")
    warned = [
        server.ask(name, filters, limit=limit).limited
        for limit in (rows - 1, rows, rows + 1)
    ]
    return judged(
        warned == [True, True, False],
        f"of {rows} rows, limits of one less, as many, one more warn: {warned}",
    )


@probe(
    "id-ranges",
    assumes="paging: the rows of two halves of an id range are those of the whole",
    otherwise="large tables are put together wrongly: do not trust what was paged "
    "from this server",
)
def _id_ranges(server: Server) -> Verdict:
    name, ids = server.id_range()
    bounds = ids[0], ids[len(ids) // 2], ids[-1] + 1
    parts = [
        sorted(server.ask(name, between(*one)).ints("id")) for one in pairwise(bounds)
    ]
    return judged(
        [one for part in parts for one in part] == ids,
        f"{' + '.join(str(len(one)) for one in parts)} rows, {len(ids)} in the whole",
    )


@probe(
    "row-cap",
    assumes="cuts: the server gives at least 200,000 rows in one reply, as long as no "
    "shorter one came back cut",
    otherwise="first pages come back cut and are halved, which costs requests; rows "
    "stay right",
)
def _row_cap(server: Server) -> Verdict:
    largest, count = max(
        (
            (name, server.metadata.annotation_count(name, server.version))
            for name in (server.main, *_synapses(server))
        ),
        key=lambda one: one[1],
    )
    answer = server.ask(largest, limit=_LONG_REPLY)
    stated = re.search(r"Limited query to (\d+)", answer.headers.get("Warning", ""))
    if stated and int(stated[1]) < _LONG_REPLY:
        return judged(holds=False, found=f"the cap is {stated[1]} rows")
    if count <= _GUESSED_CAP:
        raise UntestableError(f"the largest table looked at has {count:,} rows")
    return Verdict(
        Outcome.UNTESTABLE,
        f"{largest} has {count:,} rows, but only a whole page shows the cap; it is "
        "learnt from the first reply that is cut",
    )


@probe(
    "annotation-count",
    assumes="counts: the stored row count of a table is not above what a query of it "
    "returns",
    otherwise="the plans of `sync` overestimate; completeness never rests on it",
)
def _annotation_count(server: Server) -> Verdict:
    name = server.main
    stored = server.metadata.annotation_count(name, server.version)
    counted = server.count(name, {})
    return judged(stored <= counted, f"{name}: stored {stored:,}, counted {counted:,}")


@probe(
    "exact-scaling",
    assumes="positions: `desired_resolution` multiplies whole voxels in exact decimal "
    "and cuts off",
    otherwise="positions in other units are wrong by one voxel here and there: adapt "
    "`rescale`",
)
def _exact_scaling(server: Server) -> Verdict:
    name = server.table_where(lambda one: bool(server.point(one)), "a position")
    sample, point = server.sample(name), server.point(name)
    own = server.resolution(name)
    desired = [
        _separating(sample.ints(f"{point}_{axis}"), nanometres)
        for axis, nanometres in zip("xyz", own, strict=True)
    ]
    ids = sample.ints("id")
    scaled = server.ask(
        name, {"in": {"id": ids}}, desired_resolution=desired, limit=len(ids) + 1
    )
    compared = told_apart = 0
    wrong: list[str] = []
    for axis, nanometres, wanted in zip("xyz", own, desired, strict=True):
        ratio = nanometres / wanted
        got = _by_id(scaled, f"{point}_{axis}")
        for row, voxel in _by_id(sample, f"{point}_{axis}").items():
            expected = _decimal(voxel, ratio)
            compared += 1
            told_apart += expected != int(voxel * ratio)
            if got[row] != expected:
                wrong.append(f"{voxel} * {ratio} is {got[row]}, not {expected}")
    if not told_apart:
        raise UntestableError(f"no position of {name} tells decimal from double")
    return judged(
        not wrong,
        f"{len(wrong)} of {compared} otherwise: {'; '.join(wrong[:3])}"
        if wrong
        else f"{compared} coordinates, {told_apart} tell decimal from double",
    )


def _synapses(server: Server) -> list[str]:
    return [name for name, one in server.tables.items() if one["schema"] == "synapse"]


def _reference(server: Server) -> tuple[str, str]:
    def target(name: str) -> str:
        return str(server.tables[name].get("reference_table") or "")

    name = server.table_where(lambda one: target(one) in server.tables, "a reference")
    return name, target(name)


def _separating(voxels: list[int], nanometres: float) -> float:
    """Choose a resolution at which decimal and double arithmetic differ most often."""

    def told_apart(ratio: float) -> int:
        exact = nanometres / (nanometres / ratio)
        return sum(_decimal(one, exact) != int(one * exact) for one in voxels)

    return nanometres / max(_RATIOS, key=told_apart)


def _decimal(voxel: int, ratio: float) -> int:
    return int(float(Decimal(voxel) * Decimal(repr(ratio))))


def _by_id(answer: Answer, column: str) -> dict[int, int]:
    pairs = zip(answer.ints("id"), answer.column(column), strict=True)
    return {row: value for row, value in pairs if isinstance(value, int)}


PROBES: tuple[Probe, ...] = (
    _count_of_rows,
    _join_not_counted,
    _limit_warning,
    _id_ranges,
    _row_cap,
    _annotation_count,
    _exact_scaling,
)
