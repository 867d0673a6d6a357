"""Reports: the outcome of every record, the counts of a run, and the texts for both."""
