"""A run in the formats of other dashboards, read from the store by a process of its own."""
