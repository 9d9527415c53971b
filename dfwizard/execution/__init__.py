"""A plan becomes events: executor, journal, the detached runner, and the state reduced from the journal."""
