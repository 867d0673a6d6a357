"""What removes things: `clean`, `erase` and `unlink`."""
