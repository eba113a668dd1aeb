"""What the trials of a study say: intervals, capacities, scaling laws."""
