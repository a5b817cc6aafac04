"""SQL over all that is held: statements, named queries, portable copies, clusters."""
