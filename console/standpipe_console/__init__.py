"""The Meltano utility `standpipe`: sets up, checks, explains, schedules and removes the pipelines."""
