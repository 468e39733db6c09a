"""Files that appear complete or not at all, and archives that run no code when read."""
