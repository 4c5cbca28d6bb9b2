"""A shell in a running container, for somebody who sits before a page."""
