"""The layer language: the `model` section to `nodes.Model`."""
