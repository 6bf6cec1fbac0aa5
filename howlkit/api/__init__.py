"""The functions of `import howlkit`: what the command line does, with its words, for scripts.

howlkit/__init__.py hands them on, each when it is first used.
"""
