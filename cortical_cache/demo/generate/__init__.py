"""Make a synthetic cortex from one seed."""
