"""The records of the input: their object types, their buffer on disk, their values as Intercom takes them."""
