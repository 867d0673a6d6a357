"""map-subscriptions: Chargebee's customers, subscriptions and invoices as Intercom's contacts or companies."""
