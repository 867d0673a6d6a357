"""What the console says about a pipeline or a customer: `doctor`, `status` and `explain`."""
