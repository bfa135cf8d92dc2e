"""The strings that stand below the fields of a class and say what each field means."""

from __future__ import annotations

import ast
import inspect


def meanings(values: type) -> dict[str, str]:
    """Return, by the name of the field, the text of the string below it. A field without one is left out."""
    (body,) = ast.parse(inspect.getsource(values)).body
    assert isinstance(body, ast.ClassDef)
    return {
        field.target.id: " ".join(said.value.value.split())
        for field, said in zip(body.body, body.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(said, ast.Expr)
        and isinstance(said.value, ast.Constant)
        and isinstance(said.value.value, str)
    }
