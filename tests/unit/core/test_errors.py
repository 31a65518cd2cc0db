from scleromyomics.core.errors import InputError


def test_it_is_its_text():
    assert str(InputError("sheet, line 3: found x, allowed y")) == "sheet, line 3: found x, allowed y"
