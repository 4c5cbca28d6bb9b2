"""The Compose policy: what a content asks of the host, found by pure rules before it may do harm."""
