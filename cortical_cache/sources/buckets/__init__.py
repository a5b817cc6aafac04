"""Buckets, web servers and folders with exports. The one place that knows fsspec."""
