"""`standpipe schedule`: the schedules of meltano.yml, in the crontab."""
