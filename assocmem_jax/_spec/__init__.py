"""What a study asks: its settings and axes, checked and as text."""
