"""How a reference table comes joined with its target."""

from cortical_cache.selfcheck.probe import Probe, Verdict, judged, probe
from cortical_cache.selfcheck.server import Answer, Server

__all__ = ["PROBES"]


@probe(
    "join-columns",
    assumes="joins: a reference table comes with its target's columns, those of both "
    "suffixed on the target's side only",
    otherwise="joins made here have other columns than the server's: look at the "
    "output columns of joins",
)
def _join_columns(server: Server) -> Verdict:
    name, target = _pair(server, located=False)
    answer = _joined(server, name, target)
    own = server.sample(name).table.column_names
    theirs = server.sample(target).table.column_names
    # Creation times stay, deletion times and successors are dropped.
    kept = [one for one in [*own] if one != "superceded_id"]
    kept += [
        _suffixed(one) if one in own else one
        for one in theirs
        if one != "superceded_id"
    ]
    sent = answer.table.column_names
    return judged(
        sorted(sent) == sorted(kept),
        f"{name} on {target}: unexpected {sorted(set(sent) - set(kept))}, "
        f"missing {sorted(set(kept) - set(sent))}",
    )


@probe(
    "join-rows",
    assumes="joins: rows pair where the target's id equals `target_id`",
    otherwise="joins made here pair other rows than the server's",
)
def _join_rows(server: Server) -> Verdict:
    name, target = _pair(server, located=False)
    answer = _joined(server, name, target)
    pairs = list(zip(answer.ints("target_id"), answer.ints("id_ref"), strict=True))
    holds = bool(pairs) and all(one == other for one, other in pairs)
    return judged(holds, f"{name} on {target}: {len(pairs)} rows, first {pairs[:2]}")


@probe(
    "join-positions",
    assumes="joins: the suffix of a position stands before its axis",
    otherwise="positions of joins made here are named otherwise: look at the output "
    "columns of joins",
)
def _join_positions(server: Server) -> Verdict:
    name, target = _pair(server, located=True)
    point = server.point(name)
    wanted = {f"{point}_ref_{axis}" for axis in "xyz"}
    sent = set(_joined(server, name, target).table.column_names)
    found = sorted(one for one in sent if one.startswith(point))
    return judged(wanted <= sent, f"{name} on {target}: {found}")


def _pair(server: Server, *, located: bool) -> tuple[str, str]:
    """Choose a reference table and its target, with the same position if need be."""

    def target(name: str) -> str:
        return str(server.tables[name].get("reference_table") or "")

    def fits(name: str) -> bool:
        if target(name) not in server.tables:
            return False
        return not located or (
            bool(server.point(name))
            and server.point(name) == server.point(target(name))
        )

    what = "the same position as its target" if located else "a target here"
    name = server.table_where(fits, what)
    return name, target(name)


def _joined(server: Server, name: str, target: str) -> Answer:
    """Ask as caveclient's ``query_table`` does."""
    ids = server.sample(name).ints("id")[:20]
    body = {
        "tables": [[name, "target_id"], [target, "id"]],
        "suffix_map": {name: "", target: "_ref"},
        "filter_in_dict": {name: {"id": ids}},
    }
    return server.post(server.session.url("join_query", version=server.version), body)


def _suffixed(column: str) -> str:
    if column.endswith(("_position_x", "_position_y", "_position_z")):
        return f"{column[:-2]}_ref{column[-2:]}"
    return f"{column}_ref"


PROBES: tuple[Probe, ...] = (_join_columns, _join_rows, _join_positions)
