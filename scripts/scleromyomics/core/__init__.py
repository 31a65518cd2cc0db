"""What every tool stands on: command lines, errors, files, receipts, the matrix and result schemas."""
