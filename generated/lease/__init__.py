"""lease: A lock that expires, with fencing tokens.

Emitted from lease.elect by Oneleader."""
