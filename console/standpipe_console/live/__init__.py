"""Live: notifications from Chargebee and Intercom ("rings") start runs over the ids that they name."""
