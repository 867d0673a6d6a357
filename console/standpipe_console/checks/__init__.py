"""What the console can say of a pipeline: `doctor`, `status` and `explain`."""
