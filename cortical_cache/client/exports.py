"""``client.exports``: bulk exports, with the calls of cortical_tools."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cortical_cache.client.outputs import Output, check_output, converted
from cortical_cache.client.status import table_html
from cortical_cache.model.export import Export
from cortical_cache.model.quantities import size
from cortical_cache.repositories.answered import Answered
from cortical_cache.repositories.dataset import Repositories
from cortical_cache.repositories.promotions import Promote

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Exports"]


class Exports:
    """The bulk exports of a dataset. Nothing is asked before it has to be.

    Freshness: the list for a day, or till `reset_available_files`; an export for ever,
    under the generation that it had in the bucket.

    Parameters
    ----------
    repositories : Repositories
    """

    def __init__(self, repositories: Repositories) -> None:
        self._of = repositories
        self._exports = repositories.exports

    @property
    def locations(self) -> tuple[str, ...]:
        """Where exports are looked for."""
        return self._exports.locations

    @property
    def available_files(self) -> list[Export]:
        """Every export, by name and version: name, version, size, path, generation.

        Freshness: a day; offline as last listed.

        Raises
        ------
        NotCachedError
            Offline, and never listed.
        SourceError
            If the location cannot be read; of a bucket that refuses it is a
            `NotAuthorizedError` that names it.
        """
        return list(self._exports.listed())

    @property
    def available_tables(self) -> list[str]:
        """Names of everything that is exported. Freshness: a day."""
        return sorted({one.name for one in self._exports.listed()})

    def available_versions(self, table_name: str) -> list[int]:
        """Return the versions that a name is exported of. Freshness: a day."""
        found = {
            one.version for one in self._exports.listed() if one.name == table_name
        }
        return sorted(found)

    def available_data_df(self) -> "pd.DataFrame":
        """Return a row for each export: name, version, size, whether it is held.

        Freshness: a day; what is held is looked up each time. Without exports the
        frame is empty.
        """
        import pandas as pd

        records = [
            (one.name, one.version, size(one.size), self._exports.is_current(one))
            for one in self._exports.listed()
        ]
        return pd.DataFrame(records, columns=["name", "version", "size", "held"])

    def reset_available_files(self) -> list[Export]:
        """List the exports again, now, and return them. Freshness: asked each time."""
        return list(self._exports.listed(refresh=True))

    def get_table(  # noqa: PLR0913  name and version as in cortical_tools; then ours
        self,
        table_name: str,
        version: int,
        *,
        columns: Sequence[str] | None = None,
        where: Mapping[str, object] | None = None,
        output: Output = "pandas",
        promote: Promote = "auto",
        progress: bool = True,
    ) -> "pd.DataFrame | pa.Table | object":
        """Return an export, every row of it; fetch it first if it is not held.

        Freshness: once it is held no request is made, for ever, unless a listing says
        that the bucket has another generation. If it cannot be fetched, or not be
        proved whole, this raises and what was held stays.

        Parameters
        ----------
        table_name : str
        version : int
        columns : sequence of str, optional
            Only these are read.
        where : mapping, optional
            By column, the value or values that rows must have.
        output : {"pandas", "arrow", "polars", "duckdb"}
        promote : {"auto", "count", "none"}
            Whether a new export may answer for the table or view that it is all of:
            if the server's count proves it, or, ``"auto"``, of an expired version if
            the dump came whole.
        progress : bool
            Draw a bar while it comes.

        Returns
        -------
        pandas.DataFrame, pyarrow.Table, polars.DataFrame or duckdb.DuckDBPyRelation
            Invalid rows included. Ids are exact where others are NULL (Int64); points
            are three columns, in voxels of the table.

        Raises
        ------
        UnknownNameError
            If there is no such export, or column; the error names near ones.
        NotCachedError
            Offline, and not held.
        SourceError, StoreError
            If it cannot be brought.
        """
        check_output(output)
        came = self._ensure(table_name, int(version), promote, progress=progress)
        from cortical_cache.repositories.export_rows import export_rows

        row_set = self._exports.row_set(table_name, int(version))
        rows = export_rows(row_set, columns, where, self._of.dataset.name)
        held = self._exports.held(table_name, int(version))
        fetched = None if held is None else held.provenance.fetched_at
        source = "server" if came else "store"
        told = Answered(source, int(version), fetched, f"export {table_name}")
        self._of.tables.last = told
        if output != "pandas":
            return converted(rows, output)
        frame = _pandas(rows)
        frame.attrs["cortical_cache"] = told.note()
        return frame

    def _ensure(
        self, name: str, version: int, promote: Promote, *, progress: bool
    ) -> bool:
        """Hold an export, and tell whether it came just now."""
        listed = self._exports.known()
        known = {(one.name, one.version): one for one in listed}.get((name, version))
        if self._exports.held(name, version) is not None and (
            self._of.settings.offline
            or known is None
            or self._exports.is_current(known)
        ):
            return False
        export = known or self._exports.find(name, version)
        self._exports.require(export)  # before a bar is drawn
        from cortical_cache.client.progress.bars import bring_bar

        with bring_bar(export, show=progress) as come:
            brought = self._exports.bring(export, promote=promote, progress=come)
        return brought.is_new

    def __repr__(self) -> str:
        """Name the locations and how many exports were listed. No network."""
        listed = self._exports.known()
        count = f", {len(listed)} listed" if listed else ""
        where = ", ".join(self.locations)
        return f"<Exports of {self._of.dataset.name} at {where}{count}>"

    def _repr_html_(self) -> str:
        """Lay out what was last listed, and what of it is held. No network."""
        heading = f"Exports of {self._of.dataset.name} at {', '.join(self.locations)}"
        cells = [
            ("name", "version", "size", "held"),
            *(
                (
                    one.name,
                    str(one.version),
                    size(one.size),
                    "yes" if self._exports.is_current(one) else "",
                )
                for one in self._exports.known()
            ),
        ]
        return table_html(heading, cells)


def _pandas(table: "pa.Table") -> "pd.DataFrame":
    """Return a frame whose dtypes follow from the header, not from the values."""
    import pandas as pd
    import pyarrow as pa

    types: dict[pa.DataType, Any] = {
        pa.int64(): pd.Int64Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.bool_(): pd.BooleanDtype(),
        pa.string(): pd.StringDtype("python"),
    }
    return table.to_pandas(types_mapper=types.get)
