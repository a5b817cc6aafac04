"""What the cases read: made by code, from a seed, in folders that are kept."""
