"""All other records of a business besides customers, subscriptions and invoices, a few dozen of each kind."""
