"""What takes things away: `clean`, `erase` and `unlink`."""
