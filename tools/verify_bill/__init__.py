"""A second implementation of the rules of metering and billing, for whoever does not want to trust the first.

Written from the rules and the formats alone. Nothing here is shared with the server, and must not be.
"""
