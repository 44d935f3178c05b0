"""The layers that torch.nn does not have, as plain modules over tensors."""
