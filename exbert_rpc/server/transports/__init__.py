"""Ways into a server: standard input and output, TCP, Unix sockets, WebSockets."""
