/* Appended to an emitted model with goals: a program that asks what can still be reached and what may go on for ever,
 * for sanitizers. It prints the states and what was found of each question. */
#include <stdio.h>

static void recover(const struct options *options, const struct graph *reached, uint64_t gone, int phase)
{
    struct graph *g = graph_new(options, 1, 1);
    struct recovery found;
    if (graph_seed(g, reached, &gone, 1, phase) || graph_recover(g, phase, &found)) {
        graph_free(g); /* no memory: that is an end like any other */
        return;
    }
    printf("%d %llu: %llu %llu %llu\n", phase, (unsigned long long)graph_count(g), (unsigned long long)found.good,
           (unsigned long long)found.lost, (unsigned long long)found.cut);
    if (found.first_lost != NOBODY)
        printf("lost: %llu\n", (unsigned long long)graph_future(g, found.first_lost, phase));
    if (found.first_cut != NOBODY)
        printf("cut: %llu\n", (unsigned long long)graph_future(g, found.first_cut, phase));
    graph_free(g);
}

static void keep_steps(const struct options *options, const struct graph *reached, int apart, int until)
{
    const uint32_t *from, *to, *label;
    const uint64_t nobody = 0;
    struct graph *g = graph_new(options, 0, 1);
    int ended = graph_seed(g, reached, &nobody, 1, CALM);
    for (uint64_t pause = 10; !ended && g->next < g->count; pause *= 10)
        ended = graph_steps_of_all(g, CALM, apart, until, pause);
    uint8_t *holding = malloc(graph_count(g));
    graph_all_holding(g, 0, 0, holding);
    printf("steps: %llu %llu\n", (unsigned long long)graph_count(g),
           (unsigned long long)graph_edges(g, &from, &to, &label));
    free(holding);
    graph_free(g);
}

int main(void)
{
    const struct options options = {.memory_bytes = UINT64_C(1) << 27}, little = {.memory_bytes = UINT64_C(1) << 17};
    struct graph *reached = graph_new(&options, 1, 0);
    if (!reached || graph_reach(reached))
        return 2;
    printf("%llu\n", (unsigned long long)graph_count(reached));
    recover(&options, reached, 0, CALM);
    recover(&options, reached, 1, LEFT);
    recover(&options, reached, 1, CUT_OFF);
    for (int i = 0; i < 4; i++)
        keep_steps(&options, reached, i & 1, i >> 1);
    graph_free(reached);
    struct graph *poor = graph_new(&little, 1, 0);
    if (poor)
        printf("%d\n", graph_reach(poor) == NO_MEMORY || graph_count(poor) < 4000);
    graph_free(poor);
    return 0;
}
