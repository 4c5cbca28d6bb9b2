"""What the containers of an app print: read once, followed live, or taken along as a file."""
