"""raft: Leader election of the Raft consensus algorithm (Ongaro and Ousterhout 2014, section 5.2).

Emitted from raft.elect by Oneleader."""
