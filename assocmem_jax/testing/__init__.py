"""Laws that retrieval rules obey."""
