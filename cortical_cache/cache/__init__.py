"""Read-through: answer from the store, else ask, keep, and answer."""
