"""Statistics over the trials of a study: intervals, capacities, scaling laws."""
