"""Versions and platforms are compared by the release alone."""

from __future__ import annotations

import ast

from tests.test_house import PACKAGE, tree, within

MAY_COMPARE = {
    "xenwatch.release": "knows the releases",
    "xenwatch.model": "an independent statement of the same facts",
    "xenwatch.parse": "formats that changed with a version",
}
"""The packages that may compare a host's versions, and why."""
PRESENCE = (ast.Is, ast.IsNot)
"""Whether there is a version at all is no comparison of versions."""


def test_versions_are_compared_in_one_package() -> None:
    """What a host's platform and versions mean is asked of its release, which alone compares them.

    The model states its facts independently, and the parsers those of their formats.
    """
    versions = {"kernel", "xen", "platform", "platform_version"}
    offenders = {
        f"{module}:{node.lineno} compares {operand.attr}"
        for module, path in PACKAGE.items()
        if not within(module, MAY_COMPARE)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Compare) and not all(isinstance(op, PRESENCE) for op in node.ops)
        for side in (node.left, *node.comparators)
        for operand in ast.walk(side)
        if isinstance(operand, ast.Attribute) and operand.attr in versions
    }

    assert offenders == set()


def test_platforms_are_told_apart_in_one_package() -> None:
    """No module but the release's asks how a host's platform or version begins."""
    offenders = {
        f"{module}:{node.lineno} calls {node.func.attr}"
        for module, path in PACKAGE.items()
        if not within(module, MAY_COMPARE)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in {"startswith", "endswith"}
        if isinstance(node.func.value, ast.Attribute)
        and node.func.value.attr in {"platform", "platform_version", "kernel_release"}
    }

    assert offenders == set()
