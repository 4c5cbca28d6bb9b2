"""The panel's own site with one address more, `/bare/`: the empty base template, the least that a page is."""
