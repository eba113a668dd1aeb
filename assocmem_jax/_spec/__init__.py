"""The question of a study: its settings and axes, checked and as text."""
