"""The inspector: a page that shows what a token says, and checks its signature, in the browser alone."""
