"""`standpipe run`, which the crontab, live, pages and people use: one run of a job at a time."""
