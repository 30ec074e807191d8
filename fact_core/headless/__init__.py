"""The whole way without a page."""
