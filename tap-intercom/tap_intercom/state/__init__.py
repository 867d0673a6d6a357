"""The parts of STATE that a run writes for the next run."""
