"""The version of the library, and of the numbers that its studies give."""

__version__ = "0.5.0"
