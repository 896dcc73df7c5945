/* Appended to an emitted model: a program that searches it, for sanitizers and other processors. It prints the
 * status, the states and the steps, then the depth and the successors of each property found. */
#include <stdio.h>

int main(int count, char **given)
{
    const struct options options = {
        .threads = count > 1 ? (uint32_t)atoi(given[1]) : 1,
        .max_depth = UINT32_MAX,
        .memory_bytes = UINT64_C(1) << 30,
    };
    struct search *s = search_new(&options);
    if (!s)
        return 2;
    const int status = search_run(s);
    struct progress p;
    search_progress(s, &p);
    printf("%d %llu %llu\n", status, (unsigned long long)p.states, (unsigned long long)p.steps);
    for (uint32_t i = 0; i < MODEL_PROPERTIES; i++) {
        uint32_t depth, steps[256];
        uint64_t state[MODEL_WORDS], *path, *next;
        if (!search_hit(s, i, &depth, state))
            continue;
        next = malloc(256 * STATE_BYTES);
        path = malloc((depth + 1) * STATE_BYTES);
        const int found = search_trace(s, state, depth, path);
        const uint64_t successors = search_successors(state, next, steps, 256);
        printf("%u %u %d %llu\n", i, depth, found, (unsigned long long)successors);
        free(path);
        free(next);
    }
    search_free(s);
    return 0;
}
