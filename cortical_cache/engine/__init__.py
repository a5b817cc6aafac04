"""Answer queries from Parquet files. The only package that imports DuckDB."""

from cortical_cache.engine.engine import Engine
from cortical_cache.engine.frames import records, without_autapses

__all__ = ["Engine", "records", "without_autapses"]
