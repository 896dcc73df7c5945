"""How soon emitted nodes elect another leader and how often they do so for no reason, measured by simulation."""
