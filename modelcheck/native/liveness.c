/* What can still be reached, and what may go on for ever. Compiled after search.c, with the model, where MODEL_LIVENESS
 * is defined; see modelcheck/liveness. The model's code defines besides
 *   MODEL_SUBJECTS                        how many processes a goal is about; 1 where it is about none
 *   model_holds(state, which, me)         whether a goal holds (for process `me`)
 *   model_silenced(state, gone, phase, out)
 *                                         the state in which the processes of a mask are down for good, all others
 *                                         connected
 *   model_down_besides(state, gone)       whether somebody else is down in a state, of which nothing is asked then; 0
 *                                         where that does not matter
 * A graph numbers its states in the order in which they were found. One thread builds it. */

#define GOOD 1   /* a goal state can be reached */
#define CUT 2    /* some step passes a bound */
#define LEFTOVER 4
#define NOBODY UINT32_MAX
#define ACTION(label) ((label) & ((UINT32_C(1) << SORT_BITS) - 1))
#define SORT(label) ((label) >> SORT_BITS & ((UINT32_C(1) << (SHIFT_BITS - SORT_BITS)) - 1))
#define SHIFTS(label) ((label) >> SHIFT_BITS)

struct edges {
    uint32_t *from, *to;
    uint32_t *label; /* may be null */
    uint64_t count, room;
};

struct graph {
    struct options options;
    int symmetric, rebasing;
    struct search *lister; /* expands states one by one */
    _Atomic int cancel;
    double started;
    int status;
    uint64_t *states, count, room;
    uint8_t *flags;
    uint32_t *parents; /* of a state: whence it was found first; NOBODY for the initial one and for seeds */
    uint32_t *slots;   /* a state's number plus 1; 0 is free */
    uint64_t size;     /* of slots: a power of two */
    uint64_t steps, expanded, held_bytes;
    uint64_t next; /* whose steps are to be kept */
    uint64_t bounds; /* that stopped steps */
    struct edges edges;
    /* of the state expanded last */
    uint32_t cuts[MODEL_ACTIONS], cut_count; /* labels of steps that pass a bound */
    uint8_t is_cut[MODEL_ACTIONS];
};

static struct graph *expanding; /* whose state is being expanded: a step that is cut is told to it */

static void step_cut(void)
{
    struct graph *g = expanding;
    const uint32_t action = ACTION(model_label);
    if (!g->is_cut[action])
        g->cuts[g->cut_count++] = model_label;
    g->is_cut[action] = 1;
}

/* ---- memory ---- */

static int graph_stop(struct graph *g, int status)
{
    if (!g->status)
        g->status = status;
    return 0;
}

/* Makes room for so many elements, or stops the graph. */
static int reserve(struct graph *g, void *pointer, uint64_t *room, uint64_t wanted, size_t element)
{
    if (wanted <= *room)
        return 1;
    uint64_t more = *room ? *room + *room / 2 : 1024;
    if (more < wanted)
        more = wanted;
    const uint64_t added = (more - *room) * element;
    if (g->options.memory_bytes && g->held_bytes + added > g->options.memory_bytes)
        return graph_stop(g, NO_MEMORY);
    void *moved = realloc(*(void **)pointer, more * element);
    if (!moved)
        return graph_stop(g, NO_MEMORY);
    *(void **)pointer = moved;
    *room = more;
    g->held_bytes += added;
    return 1;
}

static int keep_going(struct graph *g)
{
    if (atomic_load_explicit(&g->cancel, memory_order_relaxed))
        return graph_stop(g, CANCELLED);
    if (g->options.seconds > 0 && now() - g->started > g->options.seconds)
        return graph_stop(g, NO_TIME);
    return g->status == 0;
}

/* ---- states ---- */

static inline const uint64_t *state_at(const struct graph *g, uint64_t number)
{
    return g->states + number * MODEL_WORDS;
}

static uint32_t state_find(const struct graph *g, const uint64_t *state)
{
    for (uint64_t i = hash_state(state) & (g->size - 1);; i = (i + 1) & (g->size - 1)) {
        if (!g->slots[i])
            return NOBODY;
        if (same_state(state_at(g, g->slots[i] - 1), state))
            return g->slots[i] - 1;
    }
}

static int slots_grow(struct graph *g)
{
    const uint64_t size = g->size ? 2 * g->size : 4096;
    const uint64_t bytes = size * sizeof *g->slots;
    if (g->options.memory_bytes && g->held_bytes + bytes > g->options.memory_bytes)
        return graph_stop(g, NO_MEMORY);
    uint32_t *slots = calloc(size, sizeof *slots);
    if (!slots)
        return graph_stop(g, NO_MEMORY);
    for (uint64_t number = 0; number < g->count; number++) {
        uint64_t i = hash_state(state_at(g, number)) & (size - 1);
        while (slots[i])
            i = (i + 1) & (size - 1);
        slots[i] = (uint32_t)number + 1;
    }
    free(g->slots);
    g->held_bytes += bytes - g->size * sizeof *g->slots;
    g->slots = slots;
    g->size = size;
    return 1;
}

/* The number of a state, which is added if it is new. NOBODY where there is no memory. */
static uint32_t state_add(struct graph *g, const uint64_t *state, uint32_t parent)
{
    if (3 * (g->count + 1) > 2 * g->size && !slots_grow(g))
        return NOBODY;
    uint64_t i = hash_state(state) & (g->size - 1);
    for (; g->slots[i]; i = (i + 1) & (g->size - 1))
        if (same_state(state_at(g, g->slots[i] - 1), state))
            return g->slots[i] - 1;
    uint64_t flags = g->room, parents = g->room;
    if (g->count + 1 >= NOBODY) {
        graph_stop(g, NO_MEMORY);
        return NOBODY;
    }
    if (!reserve(g, &g->flags, &flags, g->count + 1, 1) ||
        !reserve(g, &g->parents, &parents, g->count + 1, sizeof *g->parents) ||
        !reserve(g, &g->states, &g->room, g->count + 1, STATE_BYTES))
        return NOBODY;
    copy_state(g->states + g->count * MODEL_WORDS, state);
    g->flags[g->count] = 0;
    g->parents[g->count] = parent;
    g->slots[i] = (uint32_t)g->count + 1;
    return (uint32_t)g->count++;
}

static int holds(const uint64_t *state, uint32_t which)
{
    for (int64_t me = 0; me < MODEL_SUBJECTS; me++)
        if (!model_holds(state, which, me))
            return 0;
    return 1;
}

/* ---- steps ---- */

static int list_has_room(struct graph *g, uint64_t wanted)
{
    struct search *s = g->lister;
    uint64_t steps = s->listed_room;
    return reserve(g, &s->listed_steps, &steps, wanted, sizeof *s->listed_steps) &&
           reserve(g, &s->listed, &s->listed_room, wanted, STATE_BYTES);
}

static void modes_of(const struct graph *g)
{
    model_symmetric = g->symmetric;
    model_rebasing = g->rebasing;
}

/* Lists the steps of a state (of null: the initial states) in `lister`. */
static int expand_state(struct graph *g, const uint64_t *state, int phase)
{
    struct search *s = g->lister;
    struct worker *w = s->workers[0];
    for (;;) {
        s->listed_count = 0;
        while (g->cut_count)
            g->is_cut[ACTION(g->cuts[--g->cut_count])] = 0;
        expanding = g;
        modes_of(g);
        model_phase = phase;
        model_shifts = 0;
        w->source = state;
        w->bounds = 0;
        if (state)
            model_expand(w, state);
        else
            model_initial(w);
        worker_flush(w);
        if (s->listed_count <= s->listed_room)
            break;
        if (!list_has_room(g, s->listed_count))
            return 0;
    }
    g->bounds |= w->bounds;
    g->steps += s->listed_count;
    g->expanded++;
    return (g->expanded & 1023) || keep_going(g);
}

static inline const uint64_t *listed_at(const struct graph *g, uint64_t i)
{
    return g->lister->listed + i * MODEL_WORDS;
}

/* Whether a timer that fires now would overtake what is under way: with `apart`, timers wait for that. */
static int is_busy(const struct graph *g, const uint64_t *state)
{
    const struct search *s = g->lister;
    for (uint64_t i = 0; i < s->listed_count; i++)
        if (SORT(s->listed_steps[i]) == SORT_DELIVER &&
            (SHIFTS(s->listed_steps[i]) || !same_state(listed_at(g, i), state)))
            return 1;
    for (uint32_t i = 0; i < g->cut_count; i++)
        if (SORT(g->cuts[i]) == SORT_DELIVER)
            return 1;
    return 0;
}

/* ---- interface ---- */

API void graph_free(struct graph *g)
{
    if (!g)
        return;
    if (g->lister) {
        free(g->lister->listed);
        free(g->lister->listed_steps);
        search_free(g->lister);
    }
    free(g->states);
    free(g->flags);
    free(g->parents);
    free(g->slots);
    free(g->edges.from);
    free(g->edges.to);
    free(g->edges.label);
    free(g);
}

API struct graph *graph_new(const struct options *options, int symmetric, int rebasing)
{
    const struct options one = {.threads = 1, .memory_bytes = 1};
    struct graph *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->options = *options;
    g->symmetric = symmetric;
    g->rebasing = rebasing;
    g->lister = search_new(&one);
    if (!g->lister || !slots_grow(g) || !(g->lister->mode = LIST, list_has_room(g, 256))) {
        graph_free(g);
        return NULL;
    }
    g->started = now();
    return g;
}

API void graph_cancel(struct graph *g) { atomic_store(&g->cancel, 1); }
API uint64_t graph_count(const struct graph *g) { return g->count; }
API uint64_t graph_steps(const struct graph *g) { return g->steps; }
API uint64_t graph_bounds(const struct graph *g) { return g->bounds; }
API uint64_t graph_bytes(const struct graph *g) { return g->held_bytes; }
API uint32_t graph_parent(const struct graph *g, uint32_t number) { return g->parents[number]; }
API const uint8_t *graph_flags(const struct graph *g) { return g->flags; }
API void graph_state(const struct graph *g, uint32_t number, uint64_t *out) { copy_state(out, state_at(g, number)); }
API uint32_t graph_find(const struct graph *g, const uint64_t *state) { return state_find(g, state); }
API void graph_canonical(const struct graph *g, const uint64_t *in, uint64_t *out)
{
    modes_of(g);
    model_canonical(in, out);
}

API int graph_holds(const uint64_t *state, uint32_t which, int64_t me) { return model_holds(state, which, me); }

/* All states that are reachable while anything may go wrong. Returns a status. */
API int graph_reach(struct graph *g)
{
    if (!expand_state(g, NULL, FAULTY))
        return g->status;
    g->steps = 0;
    for (uint64_t i = 0; i < g->lister->listed_count; i++)
        if (state_add(g, listed_at(g, i), NOBODY) == NOBODY)
            return g->status;
    for (uint64_t number = 0; number < g->count; number++) {
        uint64_t source[MODEL_WORDS];
        copy_state(source, state_at(g, number));
        if (!expand_state(g, source, FAULTY))
            return g->status;
        for (uint64_t i = 0; i < g->lister->listed_count; i++)
            if (state_add(g, listed_at(g, i), (uint32_t)number) == NOBODY)
                return g->status;
    }
    return keep_going(g) ? EXHAUSTED : g->status;
}

/* Adds each state of another graph in which the processes of one of the masks are gone (none: as it is), and nobody else
 * is down. The parent of each is the first state that it comes from. */
API int graph_seed(struct graph *g, const struct graph *from, const uint64_t *masks, uint32_t mask_count, int phase)
{
    modes_of(g);
    for (uint64_t number = 0; number < from->count; number++)
        for (uint32_t i = 0; i < mask_count; i++) {
            uint64_t state[MODEL_WORDS];
            if (phase >= LEFT && model_down_besides(state_at(from, number), masks[i]))
                continue;
            if (phase >= LEFT)
                model_silenced(state_at(from, number), masks[i], phase, state);
            else
                model_canonical(state_at(from, number), state);
            if (state_add(g, state, (uint32_t)number) == NOBODY)
                return g->status;
        }
    return keep_going(g) ? EXHAUSTED : g->status;
}

/* Adds a state. Returns a status. */
API int graph_add(struct graph *g, const uint64_t *state)
{
    uint64_t canonical[MODEL_WORDS];
    modes_of(g);
    model_canonical(state, canonical);
    return state_add(g, canonical, NOBODY) == NOBODY ? g->status : EXHAUSTED;
}

/* Of each state of another graph: the number of the seed that it has become with some processes gone. */
API void graph_seeds_of(const struct graph *g, const struct graph *from, uint64_t mask, int phase, uint32_t *out)
{
    modes_of(g);
    for (uint64_t number = 0; number < from->count; number++) {
        uint64_t state[MODEL_WORDS];
        if (phase >= LEFT)
            model_silenced(state_at(from, number), mask, phase, state);
        else
            model_canonical(state_at(from, number), state);
        out[number] = state_find(g, state);
    }
}

/* ---- recovery ---- */

#define DIVE 20000            /* states that a dive may visit in vain */
#define DIVES (UINT64_C(1) << 22) /* that all dives may visit in vain */

struct frame {
    uint32_t number;
    uint64_t begin; /* in the arena: from here on lie the steps that are still to be tried, the best last */
};

struct dive {
    struct frame *frames;
    uint64_t depth, frame_room;
    uint64_t *arena, arena_count, arena_room;
    uint32_t *marks; /* by state: the dive that has been there */
    uint64_t mark_room;
    uint32_t turn;
    uint64_t visited;
};

static int dive_mark(struct graph *g, struct dive *d, uint32_t number)
{
    const uint64_t before = d->mark_room;
    if (!reserve(g, &d->marks, &d->mark_room, (uint64_t)number + 1, sizeof *d->marks))
        return 0;
    memset(d->marks + before, 0, (d->mark_room - before) * sizeof *d->marks);
    if (d->marks[number] == d->turn)
        return 0;
    d->marks[number] = d->turn;
    return 1;
}

/* Goes to a state: 1 where a goal can be reached from it in a step that is known, 0 where there is more to do. */
static int dive_enter(struct graph *g, struct dive *d, uint32_t number, int phase)
{
    uint64_t source[MODEL_WORDS];
    copy_state(source, state_at(g, number));
    if (!expand_state(g, source, phase))
        return 0;
    const uint64_t count = g->lister->listed_count;
    if (!reserve(g, &d->frames, &d->frame_room, d->depth + 1, sizeof *d->frames) ||
        !reserve(g, &d->arena, &d->arena_room, d->arena_count + count, STATE_BYTES))
        return 0;
    d->frames[d->depth++] = (struct frame){number, d->arena_count};
    d->visited++;
    for (int sort = SORT_FAULT; sort >= 0; sort--)
        for (uint64_t i = count; i-- > 0;) {
            if (SORT(g->lister->listed_steps[i]) != (uint32_t)sort)
                continue;
            const uint32_t known = state_find(g, listed_at(g, i));
            if (known != NOBODY && g->flags[known] & GOOD)
                return 1;
            if (known == NOBODY && holds(listed_at(g, i), 0))
                return 1;
            copy_state(d->arena + d->arena_count++ * MODEL_WORDS, listed_at(g, i));
        }
    return 0;
}

/* Looks for a goal depth first: what is under way arrives before a timer fires. All states on the way to a goal are
 * good. Returns whether the state from which it began is. */
static int dive_from(struct graph *g, struct dive *d, uint32_t root, int phase)
{
    d->turn++;
    d->depth = d->arena_count = d->visited = 0;
    dive_mark(g, d, root);
    int found = dive_enter(g, d, root, phase);
    while (!found && d->depth && !g->status && d->visited < DIVE) {
        const struct frame *top = &d->frames[d->depth - 1];
        if (d->arena_count == top->begin) {
            d->depth--;
            continue;
        }
        uint64_t state[MODEL_WORDS];
        copy_state(state, d->arena + --d->arena_count * MODEL_WORDS);
        const uint32_t number = state_add(g, state, NOBODY);
        if (number == NOBODY)
            break;
        if (g->flags[number] & GOOD)
            found = 1;
        else if (dive_mark(g, d, number))
            found = dive_enter(g, d, number, phase);
    }
    for (uint64_t i = 0; found && i < d->depth; i++)
        g->flags[d->frames[i].number] |= GOOD;
    return found;
}

static int edge_add(struct graph *g, uint32_t from, uint32_t to, uint32_t label, int labelled)
{
    struct edges *e = &g->edges;
    uint64_t targets = e->room, labels = e->room;
    if (!reserve(g, &e->to, &targets, e->count + 1, sizeof *e->to) ||
        (labelled && !reserve(g, &e->label, &labels, e->count + 1, sizeof *e->label)) ||
        !reserve(g, &e->from, &e->room, e->count + 1, sizeof *e->from))
        return 0;
    e->from[e->count] = from;
    e->to[e->count] = to;
    if (labelled)
        e->label[e->count] = label;
    e->count++;
    return 1;
}

/* Sets a flag on all states from which one with it can be reached over the edges. */
static int flag_backwards(struct graph *g, uint8_t flag)
{
    const struct edges *e = &g->edges;
    uint64_t *first = calloc(g->count + 2, sizeof *first);
    uint32_t *sources = malloc(ARRAY(e->count) * sizeof *sources), *waiting = malloc(ARRAY(g->count) * sizeof *waiting);
    if (!first || !sources || !waiting) {
        free(first), free(sources), free(waiting);
        return graph_stop(g, NO_MEMORY);
    }
    for (uint64_t i = 0; i < e->count; i++)
        first[e->to[i] + 2]++;
    for (uint64_t i = 2; i < g->count + 2; i++)
        first[i] += first[i - 1];
    for (uint64_t i = 0; i < e->count; i++)
        sources[first[e->to[i] + 1]++] = e->from[i];
    uint64_t count = 0;
    for (uint64_t i = 0; i < g->count; i++)
        if (g->flags[i] & flag)
            waiting[count++] = (uint32_t)i;
    while (count) {
        const uint32_t number = waiting[--count];
        for (uint64_t i = first[number]; i < first[number + 1]; i++)
            if (!(g->flags[sources[i]] & flag)) {
                g->flags[sources[i]] |= flag;
                waiting[count++] = sources[i];
            }
    }
    free(first), free(sources), free(waiting);
    return 1;
}

/* Decides what the dives left over: all that can be reached from there is explored, up to what is known to be good;
 * then good is whatever leads to a goal, and CUT stays on what leads to a step that passes a bound. */
static int settle_rest(struct graph *g, uint64_t seeds, int phase)
{
    uint32_t *waiting = NULL;
    uint64_t count = 0, room = 0;
    for (uint64_t i = 0; i < seeds; i++)
        if (!(g->flags[i] & GOOD)) {
            if (!reserve(g, &waiting, &room, count + 1, sizeof *waiting))
                break;
            g->flags[i] |= LEFTOVER;
            waiting[count++] = (uint32_t)i;
        }
    for (uint64_t done = 0; done < count && !g->status; done++) {
        const uint32_t number = waiting[done];
        uint64_t source[MODEL_WORDS];
        copy_state(source, state_at(g, number));
        if (holds(source, 0)) {
            g->flags[number] |= GOOD;
            continue;
        }
        if (!expand_state(g, source, phase))
            break;
        if (g->cut_count)
            g->flags[number] |= CUT;
        for (uint64_t i = 0; i < g->lister->listed_count && !g->status; i++) {
            const uint32_t to = state_add(g, listed_at(g, i), NOBODY);
            if (to == NOBODY || !edge_add(g, number, to, 0, 0))
                break;
            if (g->flags[to] & (GOOD | LEFTOVER))
                continue;
            if (!reserve(g, &waiting, &room, count + 1, sizeof *waiting))
                break;
            g->flags[to] |= LEFTOVER;
            waiting[count++] = to;
        }
    }
    free(waiting);
    return !g->status && flag_backwards(g, GOOD) && flag_backwards(g, CUT);
}

struct recovery {
    uint64_t good, lost, cut;     /* of the seeds: a goal can be reached; cannot; could not within the bounds */
    uint32_t first_lost, first_cut; /* the first of each; NOBODY */
};

/* From which of the states there are so far a goal can be reached. Returns a status. */
API int graph_recover(struct graph *g, int phase, struct recovery *out)
{
    const uint64_t seeds = g->count;
    struct dive d = {0};
    uint64_t vain = 0;
    for (uint64_t i = 0; i < seeds; i++)
        if (holds(state_at(g, i), 0))
            g->flags[i] |= GOOD;
    for (uint64_t i = 0; i < seeds && !g->status && vain < DIVES; i++)
        if (!(g->flags[i] & GOOD) && !dive_from(g, &d, (uint32_t)i, phase))
            vain += d.visited;
    free(d.frames), free(d.arena), free(d.marks);
    g->bounds = 0; /* of dives that found a way all the same */
    int left = 0;
    for (uint64_t i = 0; i < seeds; i++)
        left |= !(g->flags[i] & GOOD);
    if (left && !g->status)
        settle_rest(g, seeds, phase);
    *out = (struct recovery){0, 0, 0, NOBODY, NOBODY};
    for (uint64_t i = 0; i < seeds && !g->status; i++) {
        if (g->flags[i] & GOOD) {
            out->good++;
        } else if (g->flags[i] & CUT) {
            if (!out->cut++)
                out->first_cut = (uint32_t)i;
        } else if (!out->lost++) {
            out->first_lost = (uint32_t)i;
        }
    }
    return keep_going(g) ? EXHAUSTED : g->status;
}

/* How many states can be reached from one, itself among them: of those that were expanded for what is left over. */
API uint64_t graph_future(struct graph *g, uint32_t from, int phase)
{
    uint8_t *seen = calloc(g->count, 1);
    uint32_t *waiting = malloc(ARRAY(g->count) * sizeof *waiting);
    uint64_t count = 0;
    if (seen && waiting) {
        seen[from] = 1;
        waiting[count++] = from;
    }
    for (uint64_t done = 0; done < count; done++) {
        uint64_t source[MODEL_WORDS];
        copy_state(source, state_at(g, waiting[done]));
        if (!expand_state(g, source, phase))
            break;
        for (uint64_t i = 0; i < g->lister->listed_count; i++) {
            const uint32_t to = state_find(g, listed_at(g, i));
            if (to != NOBODY && !seen[to]) {
                seen[to] = 1;
                waiting[count++] = to;
            }
        }
    }
    free(seen), free(waiting);
    return count;
}

/* ---- what may go on for ever ---- */

/* Expands all states there are, and all that they lead to, in a phase, and keeps every step with its label; one that
 * passes a bound leads to NOBODY. With `apart`, no timer fires while a message is under way that would do something.
 * With `until`, what comes after a state with the second goal is left out. It pauses before it expands the state of
 * number `pause`, and goes on from there when it is called again. */
API int graph_steps_of_all(struct graph *g, int phase, int apart, int until, uint64_t pause)
{
    for (; g->next < g->count && g->next < pause; g->next++) {
        const uint64_t number = g->next;
        uint64_t source[MODEL_WORDS];
        copy_state(source, state_at(g, number));
        if (until && holds(source, 1))
            continue;
        if (!expand_state(g, source, phase))
            return g->status;
        const int busy = apart && is_busy(g, source);
        for (uint64_t i = 0; i < g->lister->listed_count; i++) {
            const uint32_t label = g->lister->listed_steps[i];
            if (!SHIFTS(label) && same_state(listed_at(g, i), source))
                continue; /* it sends again what is of no consequence, and changes nothing */
            if (busy && SORT(label) == SORT_TIMEOUT)
                continue;
            const uint32_t to = state_add(g, listed_at(g, i), (uint32_t)number);
            if (to == NOBODY || !edge_add(g, (uint32_t)number, to, label, 1))
                return g->status;
        }
        for (uint32_t i = 0; i < g->cut_count; i++)
            if (!(busy && SORT(g->cuts[i]) == SORT_TIMEOUT) &&
                !edge_add(g, (uint32_t)number, NOBODY, g->cuts[i], 1))
                return g->status;
    }
    return keep_going(g) ? EXHAUSTED : g->status;
}

API uint64_t graph_edges(const struct graph *g, const uint32_t **from, const uint32_t **to, const uint32_t **label)
{
    *from = g->edges.from;
    *to = g->edges.to;
    *label = g->edges.label;
    return g->edges.count;
}

/* Of each state: whether a goal holds (for process `me`). */
API void graph_all_holding(const struct graph *g, uint32_t which, int64_t me, uint8_t *out)
{
    for (uint64_t i = 0; i < g->count; i++)
        out[i] = (uint8_t)model_holds(state_at(g, i), which, me);
}
