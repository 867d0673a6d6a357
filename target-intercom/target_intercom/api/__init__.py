"""Everything that talks to Intercom: connection, operations, and what its answers must contain."""
