"""The native explorer: a protocol as C, compiled and searched in-process."""
