"""Finding the contacts and companies of Intercom that belong to the records."""
