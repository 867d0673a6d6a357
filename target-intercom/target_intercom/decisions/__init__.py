"""What is done with a record: the rules, the facts that they stand on, and the guard over too many changes."""
