"""The subcommands of `nightcrew caldb`."""
