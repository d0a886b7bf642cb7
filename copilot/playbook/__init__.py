"""Files become passages, passages become evidence."""
