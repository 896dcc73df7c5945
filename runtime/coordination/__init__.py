"""A lock that expires, kept by a service that is run already: one interface, and a back end for each such service."""
