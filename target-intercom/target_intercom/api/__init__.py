"""All communication with Intercom: the connection, its operations, and the form of its answers."""
