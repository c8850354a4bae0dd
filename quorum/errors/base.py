"""The base of all errors."""


class QuorumError(Exception):
    """Base of every error that quorum raises."""
