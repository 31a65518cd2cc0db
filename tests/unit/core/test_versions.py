from importlib.metadata import version

from scleromyomics.core.versions import versions


def test_versions_name_this_project_python_and_what_is_asked():
    found = versions("numpy")
    assert sorted(found) == ["numpy", "python", "scleromyomics"]
    assert found["numpy"] == version("numpy")
