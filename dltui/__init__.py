"""dltui: train, watch and understand deep networks in the terminal."""

__version__ = "0.1.0"
