"""SQL over everything that is held, as methods of a client."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from cortical_cache.client.base import Base
from cortical_cache.client.outputs import Output, check_output, converted, to_pandas
from cortical_cache.errors import InvalidQueryError
from cortical_cache.repositories.answered import Answered

if TYPE_CHECKING:
    import os

    import dask.dataframe as dd
    import duckdb
    import pandas as pd

    from cortical_cache.client.sql.answering import Sql
    from cortical_cache.client.sql.cluster import Cluster, Filters
    from cortical_cache.client.sql.question import Question

__all__ = ["Queried"]


class Queried(Base):
    """The part of a client that answers SQL.

    Parameters
    ----------
    repositories : Repositories
        Everything that answers for the dataset.
    """

    @cached_property
    def _sql(self) -> "Sql":
        from cortical_cache.client.sql.answering import Sql

        return Sql(self._of)

    def sql(  # noqa: PLR0913  a statement or a name, then options
        self,
        query: str | None = None,
        *,
        name: str | None = None,
        params: Mapping[str, object] | Sequence[object] = (),
        output: Output = "pandas",
        timeout: float = 300.0,
        memory_limit: str = "4GB",
        cluster: "Cluster | None" = None,
    ) -> "pd.DataFrame | object":
        """Answer one SELECT over all that is held, in DuckDB's SQL.

        ``NAME`` is a table or view of the client's version, all of it, as stored:
        positions in voxels of the table as ``pt_position_x``, ``_y``, ``_z``, NULL
        as NULL. Other names are ``cell_ids``, ``v1181.NAME``, ``exports.NAME``,
        ``partial.NAME``, ``graph.NAME``, ``DATASET.v1300.NAME`` and ``keys.NAME``
        (docs/sql.md).

        Freshness: rows of a version never change. What the statement names and the
        store lacks is mirrored first, up to a million rows; a second call makes no
        request.

        Parameters
        ----------
        query : str, optional
            One SELECT. What writes, attaches, loads, sets or reads other files is
            refused.
        name : str, optional
            Instead, one of the project's own questions: `client.queries()`.
        params : dict or list
            Values of ``$name``, or of ``?``. Ids under a name that the statement reads
            as ``keys.name`` become that table, with the column ``id``.
        output : {"pandas", "arrow", "polars", "duckdb"}
        timeout : float
            Seconds; then it is stopped. Ctrl-C stops it, too.
        memory_limit : str
            Beyond it, what can be spilt goes to the disk of temporary files.
        cluster : dask.distributed.Client, optional
            Whose workers answer instead of this process, a large table in parts where
            the named query says how. They must see the store under the same path.

        Returns
        -------
        pandas.DataFrame, pyarrow.Table, polars.DataFrame or duckdb.DuckDBPyRelation
            In pandas numbers have nullable dtypes. Sums of integers are decimals in
            DuckDB; cast them (``::BIGINT``) where int64 is meant.

        Raises
        ------
        InvalidQueryError
            If it is not one SELECT, does more than read, or makes no sense.
        UnknownNameError
            If it names what there is not.
        NotCachedError
            If it names what is not held, offline; `TooLargeError` if that is too much
            to fetch unasked.
        PartialTableError
            The same of what is held in part.
        QueryTimeoutError, QueryMemoryError
            If it takes more than it may.

        Examples
        --------
        >>> client.sql(
        ...     "SELECT cell_type, count(*) AS n FROM cell_types GROUP BY ALL"
        ... )  # doctest: +SKIP
        """
        check_output(output)
        question = replace(
            self._question(query, name, params),
            timeout=timeout,
            memory_limit=memory_limit,
        )
        before = self._sql.answers
        if cluster is None:
            rows = self._sql.answer(replace(question, parts=None))
        else:
            from cortical_cache.client.sql.cluster import answer_on

            rows = answer_on(cluster, self._sql, question)
        source = "server" if self._sql.answers > before else "store"
        told = Answered(source, None, None, "SQL" if name is None else f"query {name}")
        self._of.tables.last = told
        if output != "pandas":
            return converted(rows, output)
        frame = to_pandas(rows)
        frame.attrs["cortical_cache"] = told.note()
        return frame

    def to_dask(
        self,
        table: str,
        *,
        columns: Sequence[str] | None = None,
        filters: "Filters | None" = None,
    ) -> "dd.DataFrame":
        """Return a table, view or export as a Dask frame: a file a partition.

        Nothing is read but footers until Dask computes. Its workers read the files of
        the store where they lie, so they must see it under the same path.

        Freshness: as `sql`; a table that is not held is mirrored first, or refused.

        Parameters
        ----------
        table : str
            A name of `sql`: ``synapses_pni_2``, ``v1181.NAME``, ``exports.NAME``.
        columns : sequence of str, optional
            Stored columns; otherwise all.
        filters : list of tuple, or list of such lists, optional
            As pyarrow takes them: ``[("pre_pt_root_id", "in", [...])]``. Of a large
            table only files that can have such keys become partitions.

        Returns
        -------
        dask.dataframe.DataFrame
            Numbers have nullable dtypes: an id beside NULL keeps its digits. Rows have
            no order.

        Raises
        ------
        ConfigurationError
            If Dask is not installed (``pip install 'cortical-cache[dask]'``).
        UnsupportedQueryError
            For ``cell_ids``, ``partial`` and ``graph``: use `sql`.
        NotCachedError, PartialTableError, UnknownNameError
            As `sql`.
        """
        from cortical_cache.client.sql.cluster import to_dask

        return to_dask(self._sql, table, columns, filters)

    def duckdb(self) -> "duckdb.DuckDBPyConnection":
        """Return a new in-memory DuckDB with views of all that is held whole.

        They have the names of `sql`, of every held version. Unlike `sql` it is the raw
        engine: nothing is fetched, refused or bounded. Close it when done.

        Freshness: what is held now; what comes later is not in it. No network.
        """
        from cortical_cache.client.explain import offline_twin
        from cortical_cache.client.sql.heldviews import held_sources
        from cortical_cache.engine.views import open_views

        twin = offline_twin(self._of)
        sources = held_sources(twin, twin.versions.resolve())
        return open_views(sources, self._of.dataset.transform)

    def export(
        self,
        to: "str | os.PathLike[str]",
        *,
        tables: Sequence[str] | None = None,
        version: int | None = None,
        views: bool = False,
    ) -> dict[str, int]:
        """Write a copy of a version's held tables and views that needs nothing of ours.

        Freshness: what is held whole now. No network.

        Parameters
        ----------
        to : path
            A new file ``*.duckdb``: tables, ``cell_ids``, ``resolutions`` and the
            macros of docs/sql.md. Any other new path: a folder with a Parquet file for
            each table, and the macros in ``units.sql``.
        tables : sequence of str, optional
            Only these; otherwise all that are held whole.
        version : int, optional
            Otherwise the client's.
        views : bool
            Into a ``*.duckdb`` go views of the store's files instead of rows: it is
            small and made at once, and good as long as the store stays where it is
            and holds these files (a table that is fetched anew gets others).

        Returns
        -------
        dict of str to int
            Rows by table.

        Raises
        ------
        NotCachedError
            If a table is not held whole, or nothing is.
        ConfigurationError
            If there is such a file or folder already, or it is a folder of views.
        StoreError
            If it cannot be written; then there is none.
        """
        from cortical_cache.client.sql.portable import export

        return export(self._of, to, tables, version, views=views)

    def queries(self) -> "pd.DataFrame":
        """Return the project's own questions: name, question, parameters, columns."""
        import pandas as pd

        from cortical_cache.queries import queries

        records = [
            (one.name, one.question, one.signature, one.columns) for one in queries()
        ]
        names = ["name", "question", "parameters", "columns"]
        return pd.DataFrame(records, columns=names).set_index("name")

    def _question(
        self,
        query: str | None,
        name: str | None,
        params: Mapping[str, object] | Sequence[object],
    ) -> "Question":
        from cortical_cache.client.sql.naming import named_question
        from cortical_cache.client.sql.question import Question

        if (query is None) == (name is None):
            raise InvalidQueryError("give a statement, or the name of a query")
        if name is None:
            return Question(query or "", params)
        if not isinstance(params, Mapping):
            if params:
                raise InvalidQueryError("params of a named query is a dict")
            params = {}
        return named_question(self._of, name, params)
