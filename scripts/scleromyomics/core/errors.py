"""The error of everything that a user can mend."""


class InputError(Exception):
    """Something the user can fix: one line (or one line per fault) that says where, what was found, what is allowed.

    Commands turn it into exit status 2, with nothing half-written.
    """
