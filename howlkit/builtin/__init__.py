"""The plugins that ship with howlkit; they use the hooks that strangers use, and nothing more."""
