"""`python -m dltui.recipe.schema > recipe.schema.json` for editors."""

from __future__ import annotations

import json

from dltui.recipe.editor_schema import json_schema

if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=1, ensure_ascii=False))
