"""The services, each a module that imports its library when it is opened. They run in a process of their own."""
