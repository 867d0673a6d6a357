"""What is done with a record, and what exactly would change."""
