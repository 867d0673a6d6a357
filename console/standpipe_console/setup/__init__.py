"""`standpipe setup`: the questions, who answers them, and how answers become settings."""
