"""The checks and explanations of the console: `doctor`, `status` and `explain`."""
