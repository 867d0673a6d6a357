"""`make demo`: both pipelines through real Meltano, against a sandbox of its own, in three rounds."""
