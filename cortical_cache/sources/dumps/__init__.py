"""Read what others exported: CSV dumps of PostgreSQL, Parquet, feather, Delta Lake."""
