"""Planning as functions of data: no files, no clock, no database."""
