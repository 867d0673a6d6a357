"""Commands for a person after a run: retry refused records, undo writes, pause and resume a pipeline."""
