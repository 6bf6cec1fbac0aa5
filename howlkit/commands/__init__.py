"""The subcommands, one file each: parse, call, print. Heavy imports stay inside the functions."""
