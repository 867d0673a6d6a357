"""All communication with Chargebee: its API, pages and errors, and the objects that a run's streams share."""
