"""Tools that know no memory: checks, words, random numbers, threads."""
