"""Live: rings from Chargebee and Intercom become runs over the ids that they name."""
