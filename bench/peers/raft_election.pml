/* Raft's election on three nodes, exactly the state space of RaftElection.tla: the network is a set of
   messages that only grows, restart keeps term and vote. Guards leave out steps that change nothing.

   One process, one d_step for each instance of each action: what is stored is the model's state and no
   more. Everything begins at zero (voted 0: for nobody; voted i + 1: for i), and whatever a step leaves
   is a value of the model, so that two stored vectors never stand for one state. */

#ifndef TERMS
#define TERMS 3
#endif

#define FOLLOWER  0
#define CANDIDATE 1
#define LEADER    2

typedef Node {
    unsigned term : 3;
    unsigned voted : 2;
    unsigned role : 2;
    unsigned votes : 3   /* a bit for each node */
}

Node n[3];
int sent[3];   /* the messages, by sender: a bit for each kind, term and (a vote) receiver */

#define REQUEST(t)   (1 << ((t) - 1))
#define HEARTBEAT(t) (1 << (TERMS + (t) - 1))
#define VOTE(to, t)  (1 << ((2 + (to)) * TERMS + (t) - 1))

/* More than half of three: at least two bits of the three. */
#define QUORUM(s) ((s) == 3 || (s) >= 5)

#define LEADS(j, t) (n[j].role == LEADER && n[j].term == (t))

/* A leader is made here only, and its term stays as long as it leads: this is where two could meet. */
#define ALONE(i, j, k) assert(!LEADS(j, n[i].term) && !LEADS(k, n[i].term))

#define LOCAL(i, j, k) \
    :: d_step { n[i].role != LEADER && n[i].term < TERMS -> \
        n[i].term = n[i].term + 1; n[i].role = CANDIDATE; n[i].voted = i + 1; n[i].votes = 1 << i; \
        sent[i] = sent[i] | REQUEST(n[i].term) } \
    :: d_step { n[i].role == CANDIDATE && QUORUM(n[i].votes) -> \
        ALONE(i, j, k); \
        n[i].role = LEADER; sent[i] = sent[i] | HEARTBEAT(n[i].term) } \
    :: d_step { n[i].role != FOLLOWER -> \
        n[i].role = FOLLOWER; n[i].votes = 0 }

#define RECEIVE_VOTE(i, from) \
    :: d_step { n[i].role == CANDIDATE && !(n[i].votes & (1 << from)) && (sent[from] & VOTE(i, n[i].term)) -> \
        n[i].votes = n[i].votes | (1 << from) }

#define RECEIVE(i, from, t) \
    :: d_step { (sent[from] & REQUEST(t)) && t > n[i].term -> \
        n[i].term = t; n[i].role = FOLLOWER; n[i].votes = 0; n[i].voted = from + 1; \
        sent[i] = sent[i] | VOTE(from, t) } \
    :: d_step { (sent[from] & REQUEST(t)) && t == n[i].term && !(sent[i] & VOTE(from, t)) && \
                (n[i].voted == 0 || n[i].voted == from + 1) -> \
        n[i].voted = from + 1; sent[i] = sent[i] | VOTE(from, t) } \
    :: d_step { (sent[from] & HEARTBEAT(t)) && t > n[i].term -> \
        n[i].term = t; n[i].role = FOLLOWER; n[i].votes = 0; n[i].voted = 0 } \
    :: d_step { (sent[from] & HEARTBEAT(t)) && t == n[i].term && n[i].role == CANDIDATE -> \
        n[i].role = FOLLOWER; n[i].votes = 0 }

#if TERMS == 2
#define LINK(i, from) RECEIVE_VOTE(i, from) RECEIVE(i, from, 1) RECEIVE(i, from, 2)
#elif TERMS == 3
#define LINK(i, from) RECEIVE_VOTE(i, from) RECEIVE(i, from, 1) RECEIVE(i, from, 2) RECEIVE(i, from, 3)
#elif TERMS == 4
#define LINK(i, from) \
    RECEIVE_VOTE(i, from) RECEIVE(i, from, 1) RECEIVE(i, from, 2) RECEIVE(i, from, 3) RECEIVE(i, from, 4)
#else
#error "TERMS is 2, 3 or 4"
#endif

active proctype election() {
end:
    do
    LOCAL(0, 1, 2) LOCAL(1, 0, 2) LOCAL(2, 0, 1)
    LINK(0, 1) LINK(0, 2) LINK(1, 0) LINK(1, 2) LINK(2, 0) LINK(2, 1)
    od
}
