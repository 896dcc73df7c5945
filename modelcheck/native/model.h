/* What every emitted model stands on. */
#include <string.h>

#define NONE INT64_C(-1)
#define NO_NUMBER INT64_MIN

enum step {
    STEP_DELIVER, STEP_LOSE, STEP_TIMEOUT, STEP_ACTION, STEP_INPUT, STEP_RESTART, STEP_CRASH, STEP_RECOVER,
    STEP_PARTITION, STEP_HEAL, STEP_PAUSE, STEP_RESUME, STEP_TICK
};

struct trade {
    uint16_t word, shift, other_word, other_shift, width;
};

static void model_canonical(const uint64_t *in, uint64_t *out);

/* Whether a product was too large for what is computed with it: the search is then of no use. */
static int too_large;

static inline int64_t times(int64_t a, int64_t b)
{
    int64_t product;
    if (!__builtin_mul_overflow(a, b, &product) && product < INT64_C(1) << 56 && product > -(INT64_C(1) << 56))
        return product;
    __atomic_store_n(&too_large, 1, __ATOMIC_RELAXED);
    return 0;
}

static inline uint64_t packed_option(int64_t value, int64_t low)
{
    return value == NO_NUMBER ? 0 : (uint64_t)(value - low + 1);
}

static inline int64_t unpacked_option(uint64_t code, int64_t low)
{
    return code == 0 ? NO_NUMBER : (int64_t)code - 1 + low;
}

/* A value's code in a range of a lowest value and a size, or the nearest end of that. */
static inline uint64_t code_between(int64_t value, int64_t low, int64_t size)
{
    return value <= low ? 0 : value - low >= size ? (uint64_t)size : (uint64_t)(value - low);
}

static inline void set_bit(uint64_t *row, uint32_t word, uint32_t shift, uint32_t per_word, int64_t cell)
{
    row[word + (uint64_t)cell / per_word] |= UINT64_C(1) << (shift + (uint64_t)cell % per_word);
}

/* Whether bits beyond the given one are set. */
static inline int bits_above(uint64_t bits, int64_t bit)
{
    return bit < 0 ? bits != 0 : bit < 63 && bits >> (bit + 1) != 0;
}

static inline int same_words(const uint64_t *a, const uint64_t *b, int count)
{
    uint64_t different = 0;
    for (int i = 0; i < count; i++)
        different |= a[i] ^ b[i];
    return different == 0;
}

static inline void copy_words(uint64_t *to, const uint64_t *from, int count)
{
    for (int i = 0; i < count; i++)
        to[i] = from[i];
}

static inline int rows_less(const uint64_t *a, const uint64_t *b)
{
    for (int i = 0; i < ROW_WORDS; i++)
        if (a[i] != b[i])
            return a[i] < b[i];
    return 0;
}

static inline uint64_t exchange_code(uint64_t word, uint32_t shift, uint64_t mask, uint64_t a, uint64_t b)
{
    const uint64_t code = word >> shift & mask;
    const uint64_t moved = code == a ? b : code == b ? a : code;
    return (word & ~(mask << shift)) | moved << shift;
}

static inline void trade_fields(uint64_t *row, const struct trade *t)
{
    const uint64_t mask = t->width ? ~UINT64_C(0) >> (64 - t->width) : 0;
    const uint64_t one = row[t->word] >> t->shift & mask, other = row[t->other_word] >> t->other_shift & mask;
    row[t->word] = (row[t->word] & ~(mask << t->shift)) | other << t->shift;
    row[t->other_word] = (row[t->other_word] & ~(mask << t->other_shift)) | one << t->other_shift;
}

static inline void fail(struct worker *w, const uint64_t *taken)
{
    cover(w, taken);
    found_in_step(w, 0);
}
