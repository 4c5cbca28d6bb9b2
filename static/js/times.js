// Keeps relative times and running durations true while a page stays open.
