"""Registers every command module with the application, in the order of the help page."""
