"""How each kind of question gets its verdict."""
