"""The subcommands, one file each: parse, call, print.

A command's module imports torch, numpy and plugins inside its functions only, so that help is
quick.
"""
