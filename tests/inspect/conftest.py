"""Small checkpoints in the formats of the libraries that write them."""
