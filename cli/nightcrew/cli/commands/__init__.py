"""The subcommands of `nightcrew`, one module each."""
