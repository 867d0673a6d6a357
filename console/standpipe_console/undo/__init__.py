"""What a person does about a run that has ended: retry what was refused, undo what was written, pause and resume."""
