"""What people work on: keys, gaps, the journal of answers."""
