"""What is wrong with this machine for the panel, and how to mend it."""
