"""Small checkpoints in the formats of the libraries that write them."""

from hypothesis import settings

# How long an example takes says how busy the machine is, and nothing of the reader.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
