"""The version of the panel; a test holds it against the project's own file."""

VERSION = "0.1.0"
