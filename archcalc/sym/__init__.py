"""Integer algebra with floors: expressions in free symbols, and exact decisions about them."""
