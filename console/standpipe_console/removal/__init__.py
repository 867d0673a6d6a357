"""The commands that remove data: `clean`, `erase` and `unlink`."""
