"""A data source and a layer of one's own: graphs, and messages along their edges.

A plugin file is plain Python. What it registers by name, a recipe may use by that name, once its
user has allowed the file to run.
"""

import torch
from torch import nn

import dltui


@dltui.data_source("ways")
def ways(graphs=3000, nodes=12, edges_per_node=0.8, seed=0):
    """Random graphs with two marked nodes; the class says whether a way leads between them.

    Inputs: `x` `(N, nodes, 2)`, the marks of the two nodes, and `edges` `(N, nodes, nodes)`,
    symmetric, 1 where there is an edge. Both marked nodes have an edge, and both classes are
    equally common, so that the answer lies in the way alone.
    """
    chance = torch.Generator().manual_seed(seed)
    drawn = 8 * graphs
    upper = torch.rand(drawn, nodes, nodes, generator=chance) < 2 * edges_per_node / (nodes - 1)
    edges = upper.triu(1).float()
    edges = edges + edges.transpose(1, 2)

    reached = torch.eye(nodes).expand(drawn, -1, -1)
    for _ in range(nodes - 1):
        reached = ((reached + reached @ edges) > 0).float()
    # Nodes are drawn at random already: the first two are as good as any.
    leads = reached[:, 0, 1] > 0
    usable = (edges[:, 0].sum(1) > 0) & (edges[:, 1].sum(1) > 0)
    chosen = [(usable & (leads == answer)).nonzero().flatten()[: graphs // 2] for answer in (0, 1)]
    order = torch.cat(chosen)
    order = order[torch.randperm(len(order), generator=chance)]

    marks = torch.zeros(len(order), nodes, 2)
    marks[:, 0, 0] = marks[:, 1, 1] = 1
    info = {"class_names": ["no way", "a way"]}
    return {"x": marks, "edges": edges[order]}, leads[order].long(), info


@dltui.layer("message_passing")
class MessagePassing(nn.Module):
    """Every node hears the sum of what its neighbours say: `in: [nodes, edges]`, `(N, V, D)` and
    `(N, V, V)` to `(N, V, out)` (Gilmer et al. 2017, https://arxiv.org/abs/1704.01212)."""

    def __init__(self, out, *, in_features):
        super().__init__()
        self.own = nn.Linear(in_features, out)
        self.said = nn.Linear(in_features, out, bias=False)
        self.norm = nn.LayerNorm(out)

    def forward(self, nodes, edges):
        return self.norm(self.own(nodes) + edges @ self.said(nodes)).relu()
