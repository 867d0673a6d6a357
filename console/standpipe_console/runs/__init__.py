"""`standpipe run`: one way in for the crontab, live, pages and people; one run of a job at a time."""
