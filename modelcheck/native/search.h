/* Breadth-first search over packed states: what a model and the search know of each other.
 *
 * One translation unit is compiled per protocol: some definitions, this file, the model's own code, search.c.
 * The definitions are
 *   MODEL_WORDS        64-bit words of a packed state
 *   MODEL_PROPERTIES   number of properties (ids 0 ..)
 *   MODEL_COVERS       number of coverage points
 *   MODEL_BOUNDS       number of bounds that a step may run into
 * and the model's code defines
 *   model_property_kinds[]                what finding a property means, see below
 *   model_initial(worker)                 calls emit() for each initial state
 *   model_expand(worker, state)           calls emit() for each changing step of a state
 *   model_check(worker, state)            calls found() for each property that the state decides; not called for what a
 *                                         step led to that no property of states can see (`seen` of emit() is 0)
 *   model_canonical(state, out)           the representative of the state's orbit
 *
 * A packed state must have OCCUPIED set in its first word: a free slot of the table is all zero.
 */
#include <stdint.h>
#include <stddef.h>

#define OCCUPIED (UINT64_C(1) << 63)

/* What may happen now. Only a search for what can still be reached ever leaves the first phase; see liveness.c. */
enum phase {
    FAULTY = 0, /* everything */
    CALM = 1,   /* nothing goes wrong any more, and what is down or cut off comes back */
    LEFT = 2,   /* nothing goes wrong any more, and what is down stays down */
    CUT_OFF = 3 /* and nothing of theirs arrives any more */
};
#ifdef MODEL_LIVENESS
static int model_phase;
static uint32_t model_label; /* of the step being tried, see modelcheck/native/labels.py */
static uint32_t model_shifts; /* the epochs that it has shifted */
static int model_symmetric = 1; /* whether an orbit is one state */
static int model_rebasing = 1;  /* whether epochs are shifted */
#define LABEL(label) model_label = (uint32_t)(label)
#define SHIFTED(epoch) model_shifts |= UINT32_C(1) << (epoch)
#define LIMIT(lower, cap) (model_phase == FAULTY ? (lower) : (cap))
#else
#define model_phase FAULTY
#define LABEL(label) (void)0
#define SHIFTED(epoch) (void)0
#define LIMIT(lower, cap) (cap)
#endif

enum property_kind { WITNESS = 0, VIOLATED_STATE = 1, VIOLATED_STEP = 2 };

#define ARRAY(n) ((n) > 0 ? (n) : 1)
#define BATCH 64
#define LINE_WORDS 8 /* of a cache line */
#define COVER_WORDS ARRAY((MODEL_COVERS + 63) / 64)

struct hit {
    uint32_t seen;
    uint32_t depth; /* of the recorded state; a violated step leads one further */
    uint64_t state[MODEL_WORDS];
};

struct pending {
    uint64_t hash;
    uint32_t step;
    uint32_t seen; /* whether a property of states may hold or fail in it otherwise than in its source */
    uint64_t state[MODEL_WORDS];
};

struct search;

struct worker {
    struct search *search;
    const uint64_t *source; /* the state being expanded; null for initial states */
    uint64_t steps;
    uint32_t count; /* of pending */
    uint32_t depth; /* of the states being expanded */
    uint64_t bounds;
    uint64_t covered[COVER_WORDS];
    uint8_t decided[ARRAY(MODEL_PROPERTIES)]; /* found at a smaller depth already */
    struct hit hits[ARRAY(MODEL_PROPERTIES)];
    struct pending pending[BATCH];
    /* what follows is the search's own */
    const uint64_t *slots;
    uint64_t size;
    uint64_t fresh; /* states inserted and not yet added to the shared count */
    uint32_t id;
    struct block *out, *free;
    struct block **full;
    uint64_t full_count, full_room;
};

static void worker_flush(struct worker *w);

static inline uint64_t multiply_mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

static inline uint64_t hash_state(const uint64_t *s)
{
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15);
    int i = 0;
    for (; i + 1 < MODEL_WORDS; i += 2)
        h = multiply_mix(s[i] ^ h, s[i + 1] ^ UINT64_C(0xe7037ed1a0b428db));
    if (i < MODEL_WORDS)
        h = multiply_mix(s[i] ^ h, UINT64_C(0xa0761d6478bd642f));
    return multiply_mix(h ^ UINT64_C(0x8ebc6af09c88c6e3), UINT64_C(0x589965cc75374cc3));
}

/* Home slot: monotone in the hash, so that a larger table keeps the order of its entries. */
static inline uint64_t home_slot(uint64_t hash, uint64_t size)
{
    return (uint64_t)(((unsigned __int128)hash * size) >> 64);
}

/* A changing step leads to this packed, canonical state. */
static inline void emit(struct worker *w, const uint64_t *state, uint32_t step, int seen)
{
    struct pending *p = &w->pending[w->count];
    for (int i = 0; i < MODEL_WORDS; i++)
        p->state[i] = state[i];
#ifdef MODEL_LIVENESS
    step = model_label | model_shifts << SHIFT_BITS;
    model_shifts = 0;
#endif
    p->step = step;
    p->seen = (uint32_t)seen;
    p->hash = hash_state(state);
    const uint64_t *slot = w->slots + home_slot(p->hash, w->size) * MODEL_WORDS;
    __builtin_prefetch(slot, 1);
    __builtin_prefetch(slot + LINE_WORDS, 1); /* probing often goes on there */
    w->steps++;
    if (++w->count == BATCH)
        worker_flush(w);
}

/* The least state of the least depth stands for all that were found: no thread's luck decides. */
static inline void found(struct worker *w, uint32_t property, const uint64_t *state, uint32_t depth)
{
    struct hit *h = &w->hits[property];
    if (w->decided[property])
        return;
    if (h->seen) {
        int i = 0;
        while (i < MODEL_WORDS && state[i] == h->state[i])
            i++;
        if (i == MODEL_WORDS || state[i] > h->state[i])
            return;
    }
    h->seen = 1;
    h->depth = depth;
    for (int i = 0; i < MODEL_WORDS; i++)
        h->state[i] = state[i];
}

static inline void found_in_state(struct worker *w, uint32_t property, const uint64_t *state)
{
    found(w, property, state, w->source ? w->depth + 1 : 0);
}

static inline void found_in_step(struct worker *w, uint32_t property)
{
    static const uint64_t nothing[MODEL_WORDS];
    found(w, property, w->source ? w->source : nothing, w->depth);
}

/* A bit for each coverage point that something has taken. */
static inline void cover(struct worker *w, const uint64_t *points)
{
    for (int i = 0; i < COVER_WORDS; i++)
        w->covered[i] |= points[i];
}

#ifdef MODEL_LIVENESS
static void step_cut(void);
#else
#define step_cut() (void)0
#endif

static inline void bound_reached(struct worker *w, uint32_t bound)
{
    w->bounds |= UINT64_C(1) << bound;
    step_cut();
}
