"""`standpipe schedule`: the schedules of meltano.yml, run by cron."""
