"""Where examples come from, one file a source: `outline` knows, `read` reads."""
