"""The questions users ask, one module per subject."""
