"""Which program a workflow's jobs use, and that a freeze keeps the versions that it was begun with."""

import pytest

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import write_json
from scleromyomics.core.tools import find_tool, frozen_tool, tool_settings


def test_the_environment_tells_what_auto_means(monkeypatch, tmp_path):
    monkeypatch.setenv("SCLEROMYOMICS_BCFTOOLS", "embedded")
    assert find_tool("bcftools").embedded
    monkeypatch.setenv("SCLEROMYOMICS_BCFTOOLS", str(tmp_path / "none"))
    with pytest.raises(InputError, match=r"tools\.bcftools: found no program"):
        find_tool("bcftools")
    assert find_tool("bcftools", "embedded").embedded


def test_settings_are_words_of_a_shell():
    assert tool_settings({"samtools": "auto", "bwa": "/a b/bwa"}) == (
        "SCLEROMYOMICS_BWA='/a b/bwa' SCLEROMYOMICS_SAMTOOLS=auto"
    )


def test_another_version_than_the_freeze_s_is_refused(tmp_path):
    receipt = tmp_path / "receipt.json"
    version = find_tool("samtools", "embedded").version
    write_json(receipt, {"tools": {"samtools": version}})
    assert frozen_tool("samtools", "embedded", receipt).version == version
    write_json(receipt, {"tools": {"samtools": "samtools 0.1"}})
    with pytest.raises(InputError, match=r"allowed: samtools 0\.1, with which the freeze was begun"):
        frozen_tool("samtools", "embedded", receipt)
