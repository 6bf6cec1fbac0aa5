from tests.plugins.plugin_site import site

__all__ = ["site"]  # a fixture
