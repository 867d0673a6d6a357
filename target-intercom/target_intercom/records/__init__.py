"""Records: both object types, their match keys and attributes, the buffer on disk, values and payloads."""
