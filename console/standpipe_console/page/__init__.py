"""`standpipe serve`: the page on which a person sees and steers the pipelines without a terminal."""
