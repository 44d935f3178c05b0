"""One module a format; `opening.py` lists them in the order in which they are asked."""
