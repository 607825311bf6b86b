"""Where the published schemas are looked for, and what is said where they are not."""

from __future__ import annotations

import pytest

from tests.webadmin.incidents.exchange.schemas import CAP, EIDO, NIEM, SchemasMissing, schema_folder


def put(folder, *paths) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()


def test_the_folder_that_the_environment_names_goes_first(tmp_path):
    put(tmp_path / "named", EIDO, NIEM, CAP)
    put(tmp_path / "beside", EIDO, NIEM, CAP)
    assert schema_folder({"HOTLINE_SCHEMAS": str(tmp_path / "named")}, tmp_path / "beside") == tmp_path / "named"
    assert schema_folder({}, tmp_path / "beside") == tmp_path / "beside"


def test_what_is_missing_is_said_with_where_it_comes_from(tmp_path):
    put(tmp_path, EIDO, NIEM)
    with pytest.raises(SchemasMissing, match=f"{tmp_path} has no {CAP}. Set HOTLINE_SCHEMAS") as error:
        schema_folder({}, tmp_path)
    assert "docs.oasis-open.org" in str(error.value)
