"""Reports: what became of every record, the counts of a run, and the words for both."""
