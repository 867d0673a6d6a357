"""What else a business has on record beside customers, subscriptions and invoices, a few dozen of each kind."""
