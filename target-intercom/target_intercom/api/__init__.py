"""What this target and Intercom say to each other: connection, operations, shapes of the answers."""
