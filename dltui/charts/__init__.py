"""Pure drawing: numbers in, cells out. No terminal, no Textual, no store.

`envelope` and `track` thin long curves to columns, `scales` and `numbers` choose limits, ticks and
labels, `canvas` turns dots into characters, and one module per picture (`line_plot`, `ridge`,
`heat_map`, `sparkline`, `half_blocks`) puts them together. Import the modules themselves: they need
numpy, which the first frame of the app does not wait for.
"""
