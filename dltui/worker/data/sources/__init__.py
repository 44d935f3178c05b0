"""Where examples come from: the module `<type>` for `data: {type: <type>}`, and what they share.

`outline` knows, `read` reads; `by_type` finds the module.
"""
