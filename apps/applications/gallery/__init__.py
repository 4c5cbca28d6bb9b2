"""Starting points for new apps: those that come with the panel, and those that people saved from apps."""
