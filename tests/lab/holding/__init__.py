"""A Django app that holds the worker in one step, so that a test can kill the panel just there."""
