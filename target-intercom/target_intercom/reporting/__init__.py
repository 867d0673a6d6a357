"""What a run leaves behind for people: which customers were sent and which were not, what became of each."""
