"""The catalogue's layers, one file a family; `dltui.recipe.catalogue` puts them together."""
