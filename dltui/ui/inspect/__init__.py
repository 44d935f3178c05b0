"""The screens that look into a checkpoint.

```
opening.py      a thread opens the file while Textual starts
rows.py         the module tree as rows, with what is open and what the filter leaves
module_tree.py  those rows on the screen, made as they are drawn
reading.py      a thread that reads the values that are looked at; a newer wish ends the older
screen.py       the screen: tree, details, findings
```
"""
