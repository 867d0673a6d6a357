"""Writing to Intercom: attributes, contacts, companies, and what is remembered from one run to the next."""
