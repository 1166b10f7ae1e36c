"""The door for sockets: a server of its own that only translates."""
