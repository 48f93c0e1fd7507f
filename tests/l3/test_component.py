"""Greengrass components: what is in the recipe, and a version for each content."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk.aws_s3_assets import Asset

from mla_constructs.edge.component import Component, version_of
from mla_constructs.errors import InvalidArgument

if TYPE_CHECKING:
    from tests.l3.conftest import Parts

RECIPE = """
RecipeFormatVersion: "2020-01-25"
ComponentName: $name
ComponentVersion: $version
Manifests:
  - Artifacts:
      - Uri: $program_uri
        Unarchive: ZIP
      - Uri: $model_uri
    Lifecycle:
      run: python {artifacts:decompressedPath}/$program_stem/main.py {artifacts:path}/$model_file
"""


def build(parts: Parts, folder: Path, *, recipe: str = RECIPE, model: str = "weights") -> Component:
    (folder / "recipe.yaml").write_text(recipe)
    (folder / "model.onnx").write_text(model)
    (folder / "program").mkdir(exist_ok=True)
    (folder / "program" / "main.py").write_text("print('hello')")
    return Component(
        parts.stack,
        "Component",
        recipe=folder / "recipe.yaml",
        artifacts={
            "program": Asset(parts.stack, "Program", path=str(folder / "program")),
            "model": Asset(parts.stack, "Model", path=str(folder / "model.onnx")),
        },
    )


def inline_recipe(parts: Parts) -> dict[str, Any]:
    (component,) = parts.template.find_resources("AWS::GreengrassV2::ComponentVersion").values()
    pieces = component["Properties"]["InlineRecipe"]["Fn::Join"][1]
    whole = "".join(p if isinstance(p, str) else p["Fn::Sub"] for p in pieces)
    return dict(json.loads(whole))


def test_recipe_is_filled_in(parts: Parts, tmp_path: Path) -> None:
    component = build(parts, tmp_path)
    recipe = inline_recipe(parts)
    assert recipe["ComponentName"] == component.name == "Test"
    assert recipe["ComponentVersion"] == component.version
    (manifest,) = recipe["Manifests"]
    program, model = (artifact["Uri"] for artifact in manifest["Artifacts"])
    assert re.fullmatch(r"s3://.+/[0-9a-f]{64}\.zip", program)
    assert re.fullmatch(r"s3://.+/[0-9a-f]{64}\.onnx", model)
    unpacked, file = Path(program).stem, Path(model).name
    assert manifest["Lifecycle"]["run"] == (
        f"python {{artifacts:decompressedPath}}/{unpacked}/main.py {{artifacts:path}}/{file}"
    )


def test_the_same_content_has_the_same_version(new_parts: type[Parts], tmp_path: Path) -> None:
    first, second = (build(new_parts(), tmp_path).version for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "change", [{"model": "other weights"}, {"recipe": RECIPE.replace("python ", "python3 ")}]
)
def test_another_content_has_another_version(
    new_parts: type[Parts], tmp_path: Path, change: dict[str, str]
) -> None:
    before = build(new_parts(), tmp_path).version
    assert build(new_parts(), tmp_path, **change).version != before


def test_versions_are_what_greengrass_takes() -> None:
    versions = {version_of(str(number)) for number in range(2000)}
    assert len(versions) == 2000
    for version in versions:
        major, minor, patch = map(int, version.split("."))
        assert major == 1
        assert max(minor, patch) <= 999_999


def test_parts_of_a_content_are_kept_apart() -> None:
    assert version_of("ab", "c") != version_of("a", "bc")


def test_an_artifact_that_nothing_fetches_is_named(parts: Parts, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"recipe.yaml has no \$model_uri"):
        build(parts, tmp_path, recipe=RECIPE.replace("      - Uri: $model_uri\n", ""))


def test_a_placeholder_that_is_not_known_is_named(parts: Parts, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"asks for \$weights: choose from model_file, "):
        build(parts, tmp_path, recipe=RECIPE + "      startup: $weights\n")
