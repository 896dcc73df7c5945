/* Parallel breadth-first search, level by level. See search.h for what it asks of a model.
 *
 * Visited states live in one open-addressing table, whole. An entry's home is monotone in its hash, so the table grows
 * in place by one pass from its end: the address space is reserved up front and only touched as the table grows.
 * Nothing that is reported depends on the number of threads or on their luck, except when a limit ends a run early.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif
#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

#define API __attribute__((visibility("default")))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define SLACK 4096       /* slots after the last home, so that probing need not wrap */
#define BLOCK_STATES 256 /* states a thread takes at a time */
#define BEING_WRITTEN UINT64_C(1)
#define STATE_BYTES (MODEL_WORDS * sizeof(uint64_t))
#define FIRST_SIZE (UINT64_C(1) << 12)
#define MAX_LOAD 0.8
#define MAX_THREADS 256
#define SMALL_PART 4096 /* slots that are not worth another thread */

enum status { EXHAUSTED = 0, VIOLATION = 1, NO_MEMORY = 2, NO_TIME = 3, CANCELLED = 4, DEPTH_REACHED = 5 };

struct options {
    uint64_t memory_bytes; /* 0: no limit */
    double seconds;        /* 0: no limit */
    uint32_t threads;
    uint32_t max_depth;    /* levels to expand; UINT32_MAX: all */
    uint32_t stop_at_violation;
    uint32_t keep_levels;
};

struct progress {
    uint64_t states, steps, frontier, depth, table_bytes;
};

struct block {
    struct block *next;
    uint32_t count;
    uint64_t states[BLOCK_STATES * MODEL_WORDS];
};

struct level {
    struct block **blocks;
    uint64_t block_count, states;
};

/* A table that is growing: the slots before `left` are still to be moved, after those of the stretch at hand. */
struct growth {
    int active;
    double factor;
    uint64_t left, bounds[MAX_THREADS + 1];
    uint32_t parts, taken, finished;
};

struct search {
    struct options options;
    uint64_t *slots;
    uint64_t size, reserved_bytes;
    uint64_t limit; /* states at which the table grows */
    _Atomic uint64_t states;
    struct level *levels; /* sizes of all levels; blocks of the last (or of all, if kept) */
    uint32_t level_count, level_room;
    _Atomic uint64_t next_block;
    _Atomic uint64_t frontier_bytes;
    _Atomic int stop; /* an enum status, or 0 */
    _Atomic int cancel;
    struct search *first; /* of a search for a trace: the one whose cancellation ends it, too */
    _Atomic int want_growth;
    enum status status;
    double started, finished;
    struct worker **workers;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    uint32_t idle, parked, done;
    struct growth growth;
    uint64_t level_turn, growth_turn;
    struct hit hits[ARRAY(MODEL_PROPERTIES)];
    uint64_t covered[COVER_WORDS];
    uint64_t bounds, steps;
    int failed; /* no memory for a worker or a level */
    /* for walking back and for listing successors */
    const uint64_t *target;
    uint32_t scan_level;
    uint64_t *listed;
    uint32_t *listed_steps;
    uint64_t listed_room, listed_count;
    int mode;
};

enum mode { SEARCH, SCAN, LIST };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline int same_state(const uint64_t *a, const uint64_t *b)
{
    for (int i = 0; i < MODEL_WORDS; i++)
        if (a[i] != b[i])
            return 0;
    return 1;
}

static inline int state_less(const uint64_t *a, const uint64_t *b)
{
    for (int i = 0; i < MODEL_WORDS; i++)
        if (a[i] != b[i])
            return a[i] < b[i];
    return 0;
}

static inline void copy_state(uint64_t *to, const uint64_t *from)
{
    for (int i = 0; i < MODEL_WORDS; i++)
        to[i] = from[i];
}

/* ---- the table ---- */

static uint64_t table_bytes(uint64_t size) { return (size + SLACK) * STATE_BYTES; }

static int table_open(struct search *s)
{
    uint64_t want = s->options.memory_bytes ? s->options.memory_bytes : UINT64_C(1) << 40;
    const uint64_t least = table_bytes(FIRST_SIZE);
    const uint64_t page = UINT64_C(1) << 21;
    if (want < least)
        want = least;
    for (want = (want + page - 1) / page * page; want >= least; want = want / 2 / page * page) {
        void *p = mmap(NULL, want, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED)
            continue;
#ifdef MADV_HUGEPAGE
        madvise(p, want, MADV_HUGEPAGE);
#endif
        s->slots = p;
        s->reserved_bytes = want;
        s->size = FIRST_SIZE;
        s->limit = (uint64_t)((double)s->size * MAX_LOAD);
        return 1;
    }
    return 0;
}

/* 1: new, 0: known, -1: ran off the end of the table. */
static inline int insert_alone(struct search *s, const uint64_t *state, uint64_t hash)
{
    uint64_t *p = s->slots + home_slot(hash, s->size) * MODEL_WORDS;
    uint64_t *const end = s->slots + (s->size + SLACK) * MODEL_WORDS;
    for (; LIKELY(p < end); p += MODEL_WORDS) {
        if (p[0] == 0) {
            copy_state(p, state);
            return 1;
        }
        if (same_state(p, state))
            return 0;
    }
    return -1;
}

static inline int insert_shared(struct search *s, const uint64_t *state, uint64_t hash)
{
    uint64_t *p = s->slots + home_slot(hash, s->size) * MODEL_WORDS;
    uint64_t *const end = s->slots + (s->size + SLACK) * MODEL_WORDS;
    for (; LIKELY(p < end); p += MODEL_WORDS) {
        _Atomic uint64_t *first = (_Atomic uint64_t *)p;
        uint64_t seen = atomic_load_explicit(first, memory_order_acquire);
        if (seen == 0) {
            const uint64_t claim = MODEL_WORDS == 1 ? state[0] : BEING_WRITTEN;
            if (atomic_compare_exchange_strong_explicit(first, &seen, claim, memory_order_acq_rel,
                                                        memory_order_acquire)) {
                if (MODEL_WORDS > 1) {
                    for (int i = 1; i < MODEL_WORDS; i++)
                        p[i] = state[i];
                    atomic_store_explicit(first, state[0], memory_order_release);
                }
                return 1;
            }
        }
        while (seen == BEING_WRITTEN)
            seen = atomic_load_explicit(first, memory_order_acquire);
        if (seen == state[0]) {
            int i = 1;
            while (i < MODEL_WORDS && p[i] == state[i])
                i++;
            if (i == MODEL_WORDS)
                return 0;
        }
    }
    return -1;
}

static void growth_end(struct search *s)
{
    atomic_store(&s->want_growth, 0);
    s->parked = 0;
    s->growth_turn++;
    pthread_cond_broadcast(&s->wake);
}

/* Growing moves all entries to their places in a larger table, in place. Clusters (runs without a gap) are taken from
 * the end: an entry's new home is not before its old one, hence not before its cluster, and all from there on is new
 * already. Entries whose new homes lie beyond the last of them do not get into each other's way at all: such a stretch
 * is shared out among the threads. */

static uint64_t cluster_begin(const struct search *s, uint64_t slot)
{
    while (slot > 0 && s->slots[(slot - 1) * MODEL_WORDS] != 0)
        slot--;
    return slot;
}

static uint64_t free_slot_from(const struct search *s, uint64_t slot, uint64_t end)
{
    while (slot < end && s->slots[slot * MODEL_WORDS] != 0)
        slot++;
    return slot;
}

/* Moves the entries of slots whose new homes are all after the slots that are still to be moved. */
static int spread_away(struct search *s, uint64_t from, uint64_t to, int shared)
{
    for (uint64_t i = to; i > from; i--) {
        uint64_t *const entry = s->slots + (i - 1) * MODEL_WORDS, state[MODEL_WORDS];
        copy_state(state, entry);
        memset(entry, 0, STATE_BYTES);
        const uint64_t hash = hash_state(state);
        if ((shared ? insert_shared(s, state, hash) : insert_alone(s, state, hash)) < 0)
            return 0;
    }
    return 1;
}

/* Moves the entries of slots by way of a copy. */
static int spread_around(struct search *s, uint64_t from, uint64_t to, int shared)
{
    const uint64_t count = to - from;
    uint64_t *const copy = malloc(count * STATE_BYTES), *const first = s->slots + from * MODEL_WORDS;
    if (!copy)
        return 0;
    memcpy(copy, first, count * STATE_BYTES);
    memset(first, 0, count * STATE_BYTES);
    int done = 1;
    for (uint64_t k = 0; done && k < count; k++) {
        const uint64_t *state = copy + k * MODEL_WORDS, hash = hash_state(state);
        done = (shared ? insert_shared(s, state, hash) : insert_alone(s, state, hash)) >= 0;
    }
    free(copy);
    return done;
}

/* Moves the entries of some slots; no cluster reaches over either end. */
static int spread(struct search *s, uint64_t from, uint64_t to, int shared)
{
    for (uint64_t i = to; i > from;) {
        if (s->slots[(i - 1) * MODEL_WORDS] == 0) {
            i--;
            continue;
        }
        const uint64_t begin = cluster_begin(s, i - 1);
        const uint64_t least_home = (uint64_t)((double)begin * s->growth.factor);
        if (!(least_home > i ? spread_away(s, begin, i, shared) : spread_around(s, begin, i, shared)))
            return 0;
        i = begin;
    }
    return 1;
}

/* Shares a stretch out among as many parts as there are threads. */
static void stretch_begin(struct search *s)
{
    struct growth *g = &s->growth;
    const uint32_t threads = s->options.threads;
    uint64_t from = (uint64_t)((double)g->left / g->factor) + 1;
    const int shared = threads > 1 && g->left - from > threads * SMALL_PART;
    if (!shared)
        from = 0;
    g->parts = shared ? threads : 1;
    g->bounds[g->parts] = g->left;
    for (uint32_t i = 0; i < g->parts; i++) {
        const uint64_t nominal = from + (g->left - from) / g->parts * i;
        g->bounds[i] = nominal ? free_slot_from(s, nominal, g->left) : 0;
    }
    g->left = g->bounds[0];
    g->taken = g->finished = 0;
}

/* All workers are parked or idle. Returns whether there is room for a larger table. */
static int growth_begin(struct search *s)
{
    const uint64_t held = atomic_load(&s->frontier_bytes);
    const uint64_t budget = s->options.memory_bytes ? s->options.memory_bytes : UINT64_MAX;
    const uint64_t old = s->size;
    const double factors[] = {4, 2, 1.4, 1.15};
    unsigned i = table_bytes(old) < (UINT64_C(1) << 20) ? 0 : table_bytes(old) < (UINT64_C(1) << 24) ? 1 : 2;
    for (; i < sizeof factors / sizeof *factors; i++) {
        const uint64_t size = (uint64_t)((double)old * factors[i]);
        const uint64_t bytes = table_bytes(size);
        if (bytes > s->reserved_bytes || held > budget || bytes > budget - held)
            continue;
        s->growth.factor = (double)size / (double)old;
        s->growth.left = old + SLACK;
        s->growth.active = 1;
        s->size = size;
        s->limit = (uint64_t)((double)size * MAX_LOAD);
        for (uint32_t k = 0; k < s->options.threads; k++)
            s->workers[k]->size = size;
        stretch_begin(s);
        return 1;
    }
    return 0;
}

/* Called with the mutex held by every worker that waits while the table grows: takes its part of the work, if any is
 * to be had. Returns whether it did something. */
static int growth_help(struct search *s)
{
    struct growth *g = &s->growth;
    if (!g->active || g->taken == g->parts)
        return 0;
    const uint32_t part = g->taken++;
    const int shared = g->parts > 1;
    pthread_mutex_unlock(&s->mutex);
    const int ok = spread(s, g->bounds[part], g->bounds[part + 1], shared);
    pthread_mutex_lock(&s->mutex);
    if (!ok)
        atomic_store(&s->stop, NO_MEMORY);
    if (++g->finished == g->parts) {
        if (g->left == 0 || atomic_load(&s->stop)) {
            g->active = 0;
            growth_end(s);
        } else {
            stretch_begin(s);
            pthread_cond_broadcast(&s->wake);
        }
    }
    return 1;
}

/* ---- frontiers ---- */

static struct block *block_new(struct worker *w)
{
    struct block *b = w->free;
    if (b) {
        w->free = b->next;
    } else {
        b = malloc(sizeof *b);
        if (!b)
            return NULL;
        atomic_fetch_add(&w->search->frontier_bytes, sizeof *b);
    }
    b->count = 0;
    return b;
}

static int worker_keep_full(struct worker *w)
{
    if (w->full_count == w->full_room) {
        const uint64_t room = w->full_room ? 2 * w->full_room : 16;
        struct block **full = realloc(w->full, room * sizeof *full);
        if (!full)
            return 0;
        w->full = full;
        w->full_room = room;
    }
    w->full[w->full_count++] = w->out;
    w->out = NULL;
    return 1;
}

static inline void frontier_add(struct worker *w, const uint64_t *state)
{
    if (!w->out && !(w->out = block_new(w))) {
        atomic_store(&w->search->stop, NO_MEMORY);
        return;
    }
    copy_state(w->out->states + (uint64_t)w->out->count++ * MODEL_WORDS, state);
    if (w->out->count == BLOCK_STATES && !worker_keep_full(w))
        atomic_store(&w->search->stop, NO_MEMORY);
}

/* ---- meeting points ---- */

static void growth_if_all_here(struct search *s)
{
    if (s->parked == 0 || s->parked + s->idle != s->options.threads || s->growth.active)
        return;
    if (atomic_load(&s->stop)) {
        growth_end(s);
    } else if (growth_begin(s)) {
        pthread_cond_broadcast(&s->wake);
    } else {
        atomic_store(&s->stop, NO_MEMORY);
        growth_end(s);
    }
}

static void park(struct worker *w)
{
    struct search *s = w->search;
    pthread_mutex_lock(&s->mutex);
    const uint64_t turn = s->growth_turn;
    if (atomic_load(&s->want_growth)) {
        s->parked++;
        growth_if_all_here(s);
        while (s->growth_turn == turn)
            if (!growth_help(s))
                pthread_cond_wait(&s->wake, &s->mutex);
    }
    pthread_mutex_unlock(&s->mutex);
}

static void worker_insert_pending(struct worker *w)
{
    struct search *s = w->search;
    const int shared = s->options.threads > 1;
    for (uint32_t i = 0; i < w->count; i++) {
        const struct pending *p = &w->pending[i];
        int new;
        while ((new = shared ? insert_shared(s, p->state, p->hash) : insert_alone(s, p->state, p->hash)) < 0) {
            atomic_store(&s->want_growth, 1);
            park(w);
            if (atomic_load(&s->stop))
                break;
        }
        if (new < 0)
            break;
        if (new) {
            w->fresh++;
            if (p->seen)
                model_check(w, p->state);
            frontier_add(w, p->state);
        }
    }
    if (w->fresh) {
        const uint64_t before = shared ? atomic_fetch_add_explicit(&s->states, w->fresh, memory_order_relaxed)
                                       : atomic_load_explicit(&s->states, memory_order_relaxed);
        if (!shared)
            atomic_store_explicit(&s->states, before + w->fresh, memory_order_relaxed);
        if (before + w->fresh > s->limit)
            atomic_store(&s->want_growth, 1);
        w->fresh = 0;
    }
    if (atomic_load_explicit(&s->want_growth, memory_order_relaxed))
        park(w);
}

static void worker_list_pending(struct worker *w)
{
    struct search *s = w->search;
    for (uint32_t i = 0; i < w->count; i++) {
        if (s->listed_count < s->listed_room) {
            copy_state(s->listed + s->listed_count * MODEL_WORDS, w->pending[i].state);
            s->listed_steps[s->listed_count] = w->pending[i].step;
        }
        s->listed_count++;
    }
}

/* The least predecessor of the target is kept as hit of property 0's place, under the mutex: it is rare. */
static void worker_scan_pending(struct worker *w)
{
    struct search *s = w->search;
    for (uint32_t i = 0; i < w->count; i++) {
        if (!same_state(w->pending[i].state, s->target))
            continue;
        pthread_mutex_lock(&s->mutex);
        if (s->listed_count == 0 || state_less(w->source, s->listed))
            copy_state(s->listed, w->source);
        s->listed_count = 1;
        pthread_mutex_unlock(&s->mutex);
        break;
    }
}

static void worker_flush(struct worker *w)
{
    switch (w->search->mode) {
    case SEARCH: worker_insert_pending(w); break;
    case SCAN: worker_scan_pending(w); break;
    default: worker_list_pending(w); break;
    }
    w->count = 0;
}

/* ---- levels ---- */

static struct level *level_add(struct search *s)
{
    if (s->level_count == s->level_room) {
        const uint32_t room = s->level_room ? 2 * s->level_room : 64;
        struct level *levels = realloc(s->levels, room * sizeof *levels);
        if (!levels)
            return NULL;
        s->levels = levels;
        s->level_room = room;
    }
    struct level *l = &s->levels[s->level_count++];
    memset(l, 0, sizeof *l);
    return l;
}

static void blocks_free(struct level *l)
{
    for (uint64_t i = 0; i < l->block_count; i++)
        free(l->blocks[i]);
    free(l->blocks);
    l->blocks = NULL;
    l->block_count = 0;
}

/* All workers are idle: their new states become the next level. Returns whether to go on. */
static int level_finish(struct search *s)
{
    uint64_t blocks = 0;
    int violated = 0;
    struct level *l = level_add(s);
    if (!l) {
        s->status = NO_MEMORY;
        return 0;
    }
    for (uint32_t k = 0; k < s->options.threads; k++) {
        struct worker *w = s->workers[k];
        if (w->out && w->out->count && !worker_keep_full(w))
            s->failed = 1;
        blocks += w->full_count;
        s->bounds |= w->bounds;
        s->steps += w->steps;
        w->steps = 0;
        for (int i = 0; i < COVER_WORDS; i++)
            s->covered[i] |= w->covered[i];
        for (int i = 0; i < MODEL_PROPERTIES; i++) {
            const struct hit *h = &w->hits[i];
            if (h->seen && !w->decided[i] &&
                (!s->hits[i].seen || state_less(h->state, s->hits[i].state)))
                s->hits[i] = *h;
        }
    }
    for (int i = 0; i < MODEL_PROPERTIES; i++)
        if (s->hits[i].seen) {
            violated |= model_property_kinds[i] != WITNESS;
            for (uint32_t k = 0; k < s->options.threads; k++)
                s->workers[k]->decided[i] = 1;
        }
    l->blocks = malloc(ARRAY(blocks) * sizeof *l->blocks);
    if (!l->blocks)
        s->failed = 1;
    for (uint32_t k = 0; k < s->options.threads; k++) {
        struct worker *w = s->workers[k];
        for (uint64_t i = 0; i < w->full_count; i++) {
            l->states += w->full[i]->count;
            if (l->blocks)
                l->blocks[l->block_count++] = w->full[i];
        }
        w->full_count = 0;
        w->depth = s->level_count - 1;
    }
    if (s->level_count > 1 && !s->options.keep_levels) {
        /* taken blocks went to their takers; after an early stop some are left */
        struct level *last = l - 1;
        for (uint64_t i = atomic_load(&s->next_block); i < last->block_count; i++)
            free(last->blocks[i]);
        free(last->blocks);
        last->blocks = NULL;
        last->block_count = 0;
    }
    atomic_store(&s->next_block, 0);
    const int stop = s->failed ? NO_MEMORY : atomic_load(&s->stop);
    if (violated && s->options.stop_at_violation)
        s->status = VIOLATION;
    else if (stop)
        s->status = (enum status)stop;
    else if (l->states == 0) {
        s->status = violated ? VIOLATION : EXHAUSTED;
        blocks_free(l);
        s->level_count--;
    }
    else if (s->level_count - 1 >= s->options.max_depth)
        s->status = DEPTH_REACHED;
    else
        return 1;
    return 0;
}

/* Returns whether there is another level to expand. */
static int level_meet(struct worker *w)
{
    struct search *s = w->search;
    pthread_mutex_lock(&s->mutex);
    const uint64_t turn = s->level_turn;
    s->idle++;
    growth_if_all_here(s);
    if (s->idle == s->options.threads) {
        s->done = !level_finish(s);
        s->idle = 0;
        s->level_turn++;
        pthread_cond_broadcast(&s->wake);
    } else {
        while (s->level_turn == turn)
            if (!growth_help(s))
                pthread_cond_wait(&s->wake, &s->mutex);
    }
    const int more = !s->done;
    pthread_mutex_unlock(&s->mutex);
    return more;
}

static void check_limits(struct search *s)
{
    if (atomic_load_explicit(s->first ? &s->first->cancel : &s->cancel, memory_order_relaxed))
        atomic_store(&s->stop, CANCELLED);
    else if (s->options.seconds > 0 && now() - s->started > s->options.seconds)
        atomic_store(&s->stop, NO_TIME);
    else if (s->options.memory_bytes &&
             table_bytes(s->size) + atomic_load_explicit(&s->frontier_bytes, memory_order_relaxed) >
                 s->options.memory_bytes)
        atomic_store(&s->stop, NO_MEMORY);
}

static void expand_blocks(struct worker *w, const struct level *l, int recycle)
{
    struct search *s = w->search;
    for (;;) {
        check_limits(s);
        if (atomic_load_explicit(&s->stop, memory_order_relaxed))
            break;
        const uint64_t taken = atomic_fetch_add(&s->next_block, 1);
        if (taken >= l->block_count)
            break;
        struct block *b = l->blocks[taken];
        for (uint32_t i = 0; i < b->count; i++) {
            w->source = b->states + (uint64_t)i * MODEL_WORDS;
            model_expand(w, w->source);
            if (s->mode == SCAN && w->count)
                worker_flush(w);
        }
        /* pending entries hold no reference to the block */
        if (recycle) {
            b->next = w->free;
            w->free = b;
        }
    }
    if (w->count && !atomic_load(&s->stop))
        worker_flush(w);
    w->count = 0;
}

static void *worker_run(void *argument)
{
    struct worker *w = argument;
    struct search *s = w->search;
    if (w->id == 0) {
        model_initial(w);
        worker_flush(w);
        w->steps = 0;
    }
    while (level_meet(w))
        expand_blocks(w, &s->levels[s->level_count - 1], !s->options.keep_levels);
    return NULL;
}

static void *worker_scan(void *argument)
{
    struct worker *w = argument;
    expand_blocks(w, &w->search->levels[w->search->scan_level], 0);
    return NULL;
}

static void run_threads(struct search *s, void *(*body)(void *))
{
    pthread_t threads[MAX_THREADS];
    uint32_t started = 1;
    pthread_mutex_lock(&s->mutex); /* nobody passes a meeting point before the number of threads is known */
    for (; started < s->options.threads; started++)
        if (pthread_create(&threads[started], NULL, body, s->workers[started]))
            break;
    s->options.threads = started;
    pthread_mutex_unlock(&s->mutex);
    body(s->workers[0]);
    for (uint32_t i = 1; i < started; i++)
        pthread_join(threads[i], NULL);
}

/* ---- interface ---- */

API void search_free(struct search *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; s->workers && s->workers[i]; i++) {
        struct worker *w = s->workers[i];
        for (struct block *b = w->free; b;) {
            struct block *next = b->next;
            free(b);
            b = next;
        }
        for (uint64_t k = 0; k < w->full_count; k++)
            free(w->full[k]);
        free(w->out);
        free(w->full);
        free(w);
    }
    for (uint32_t i = 0; i < s->level_count; i++)
        blocks_free(&s->levels[i]);
    free(s->levels);
    free(s->workers);
    if (s->slots)
        munmap(s->slots, s->reserved_bytes);
    pthread_mutex_destroy(&s->mutex);
    pthread_cond_destroy(&s->wake);
    free(s);
}

API struct search *search_new(const struct options *options)
{
    struct search *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->options = *options;
    if (s->options.threads < 1)
        s->options.threads = 1;
    if (s->options.threads > MAX_THREADS)
        s->options.threads = MAX_THREADS;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->wake, NULL);
    s->workers = calloc(s->options.threads + 1, sizeof *s->workers);
    int ok = s->workers && table_open(s);
    for (uint32_t i = 0; ok && i < s->options.threads; i++) {
        struct worker *w = s->workers[i] = calloc(1, sizeof *w);
        if (!(ok = w != NULL))
            break;
        w->search = s;
        w->slots = s->slots;
        w->size = s->size;
        w->id = i;
    }
    if (ok)
        return s;
    search_free(s);
    return NULL;
}

API int search_run(struct search *s)
{
    s->started = now();
    run_threads(s, worker_run);
    s->finished = now();
    return s->status;
}

API void search_cancel(struct search *s) { atomic_store(&s->cancel, 1); }

/* May be called while the search runs: the figures are then a moment old. */
API void search_progress(struct search *s, struct progress *p)
{
    pthread_mutex_lock(&s->mutex);
    p->states = atomic_load(&s->states);
    p->steps = s->steps;
    p->depth = s->level_count ? s->level_count - 1 : 0;
    p->frontier = s->level_count ? s->levels[s->level_count - 1].states : 0;
    p->table_bytes = table_bytes(s->size) + atomic_load(&s->frontier_bytes);
    pthread_mutex_unlock(&s->mutex);
}

API uint32_t search_levels(struct search *s, uint64_t *sizes, uint32_t room)
{
    for (uint32_t i = 0; i < s->level_count && i < room; i++)
        sizes[i] = s->levels[i].states;
    return s->level_count;
}

API double search_seconds(struct search *s) { return s->finished - s->started; }
API int search_too_large(void) { return __atomic_load_n(&too_large, __ATOMIC_RELAXED); }
API uint64_t search_bounds(struct search *s) { return s->bounds; }
API void search_covered(struct search *s, uint64_t *out) { memcpy(out, s->covered, sizeof s->covered); }

/* Whether the property was found; then the depth and the words of the least state that shows it. */
API int search_hit(struct search *s, uint32_t property, uint32_t *depth, uint64_t *state)
{
    const struct hit *h = &s->hits[property];
    if (h->seen) {
        *depth = h->depth;
        copy_state(state, h->state);
    }
    return (int)h->seen;
}

API void search_sizes(uint32_t *out)
{
    out[0] = MODEL_WORDS;
    out[1] = MODEL_PROPERTIES;
    out[2] = MODEL_COVERS;
    out[3] = MODEL_BOUNDS;
}

API uint64_t search_states(struct search *s, uint64_t *out, uint64_t room)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < s->size + SLACK; i++)
        if (s->slots[i * MODEL_WORDS]) {
            if (count < room)
                copy_state(out + count * MODEL_WORDS, s->slots + i * MODEL_WORDS);
            count++;
        }
    return count;
}

API void search_canonical(const uint64_t *in, uint64_t *out) { model_canonical(in, out); }

/* The changing steps of a state (of no state: the initial states). Returns their number, which may exceed the room. */
API uint64_t search_successors(const uint64_t *state, uint64_t *out, uint32_t *steps, uint64_t room)
{
    const struct options options = {.threads = 1, .memory_bytes = 1};
    struct search *s = search_new(&options);
    if (!s)
        return UINT64_MAX;
    struct worker *w = s->workers[0];
    s->mode = LIST;
    s->listed = out;
    s->listed_steps = steps;
    s->listed_room = room;
    w->source = state;
    if (state)
        model_expand(w, state);
    else
        model_initial(w);
    worker_flush(w);
    const uint64_t count = s->listed_count;
    search_free(s);
    return count;
}

/* Writes depth + 1 canonical states, each with a step to the next, from an initial state to the given one. Searches
 * again, keeping all levels, and walks back from the end, always to the least predecessor. 1: written. */
API int search_trace(struct search *first, const uint64_t *state, uint32_t depth, uint64_t *out)
{
    struct options options = first->options;
    options.max_depth = depth;
    options.stop_at_violation = 0;
    options.keep_levels = 1;
    struct search *s = search_new(&options);
    if (!s)
        return 0;
    s->first = first;
    atomic_store(&first->cancel, 0);
    const int status = search_run(s);
    int ok = (status == DEPTH_REACHED || status == EXHAUSTED || status == VIOLATION) && s->level_count > depth;
    s->mode = SCAN;
    copy_state(out + (uint64_t)depth * MODEL_WORDS, state);
    for (uint32_t d = depth; ok && d > 0; d--) {
        s->target = out + (uint64_t)d * MODEL_WORDS;
        s->listed = out + (uint64_t)(d - 1) * MODEL_WORDS;
        s->listed_count = 0;
        s->scan_level = d - 1;
        atomic_store(&s->next_block, 0);
        run_threads(s, worker_scan);
        ok = s->listed_count == 1;
    }
    search_free(s);
    return ok;
}
