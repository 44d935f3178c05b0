"""Pickles, read without running them.

```
machine.py + opcodes/     bytes → inert nodes; no import, no call, no attribute is set
nodes.py                  what stands for a class, an object, a dictionary
torch_tensors.py          the calls that rebuild torch's tensors → storage, offset, shape, stride
numpy_values.py           numpy's scalars and types
naming.py                 nodes → named tensors, modules with their settings, plain metadata
```
"""
