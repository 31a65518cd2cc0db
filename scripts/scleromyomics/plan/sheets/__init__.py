"""The five sheets of a study: how they are read, and every fault that they may have."""
