"""`standpipe setup`: the questions, who answers them, and how the answers become settings."""
