"""All communication with Intercom: its API, pages and errors, and the objects that a run's streams share."""
