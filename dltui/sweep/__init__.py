"""A search over a recipe's settings, whose trials are ordinary runs.

`folder` is where a sweep lies, `search` what to try next (optuna), `trial` one run of it, and
`progress` the loop that starts, prunes and judges them.
"""
