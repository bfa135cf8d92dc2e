"""The bridge: a child process of the service that calls the hosts. recognition/hosts/ has the messages."""
