"""The docs are true: every spec in them is checked, every command is run, every link leads somewhere."""
