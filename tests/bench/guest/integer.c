/*
 * Integer workloads: sorting, hashing, recursion, pointer chasing, a bytecode interpreter.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "kernels.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* --- sort: quicksort with insertion sort below it, 64 Ki numbers ------------------------------ */

enum { SORT_COUNT = 1 << 16 };

static void insertion_sort(uint32_t *a, long low, long high)
{
    for (long i = low + 1; i <= high; i++) {
        uint32_t value = a[i];
        long j = i;

        for (; j > low && a[j - 1] > value; j--) {
            a[j] = a[j - 1];
        }
        a[j] = value;
    }
}

static void quick_sort(uint32_t *a, long low, long high)
{
    while (high - low > 12) {
        uint32_t pivot = a[(low + high) / 2];
        long i = low, j = high;

        while (i <= j) {
            while (a[i] < pivot) {
                i++;
            }
            while (a[j] > pivot) {
                j--;
            }
            if (i <= j) {
                uint32_t t = a[i];

                a[i++] = a[j];
                a[j--] = t;
            }
        }
        quick_sort(a, low, j);
        low = i;
    }
    insertion_sort(a, low, high);
}

static uint64_t run_sort(unsigned long n)
{
    uint32_t *a = malloc(SORT_COUNT * sizeof(*a)), seed = 1;
    uint64_t sum = 0;

    for (; n; n--) {
        for (int i = 0; i < SORT_COUNT; i++) {
            a[i] = next_random(&seed);
        }
        quick_sort(a, 0, SORT_COUNT - 1);
        for (int i = 0; i < SORT_COUNT; i += 97) {
            sum = fold(sum, a[i]);
        }
    }
    free(a);
    return sum;
}

/* --- hash: words in a table with open addressing ---------------------------------------------- */

enum { HASH_SLOTS = 1 << 16, HASH_WORDS = 40000, WORD_SIZE = 12 };

typedef struct Slot {
    char word[WORD_SIZE];
    uint32_t count;
} Slot;

static uint32_t hash_word(const char *word)
{
    uint32_t h = 2166136261u;

    for (; *word; word++) {
        h = (h ^ (unsigned char)*word) * 16777619u;
    }
    return h;
}

static void make_word(char *word, uint32_t number)
{
    int length = 3 + number % 8;

    for (int i = 0; i < length; i++) {
        word[i] = (char)('a' + (number >> i) % 26);
    }
    word[length] = 0;
}

static Slot *find_slot(Slot *table, const char *word)
{
    uint32_t i = hash_word(word) % HASH_SLOTS;

    while (table[i].count && strcmp(table[i].word, word)) {
        i = (i + 1) % HASH_SLOTS;
    }
    return &table[i];
}

static uint64_t run_hash(unsigned long n)
{
    Slot *table = calloc(HASH_SLOTS, sizeof(*table));
    uint32_t seed = 7;
    uint64_t sum = 0;

    for (; n; n--) {
        memset(table, 0, HASH_SLOTS * sizeof(*table));
        for (int i = 0; i < HASH_WORDS; i++) {
            char word[WORD_SIZE];
            Slot *slot;

            make_word(word, next_random(&seed) >> 14);
            slot = find_slot(table, word);
            if (!slot->count++) {
                memcpy(slot->word, word, WORD_SIZE);
            }
            sum = fold(sum, slot->count);
        }
    }
    free(table);
    return sum;
}

/* --- sha256: FIPS 180-4 over 64 KiB ----------------------------------------------------------- */

enum { SHA_BYTES = 1 << 16 };

static const uint32_t sha_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate_right(uint32_t x, int by)
{
    return x >> by | x << (32 - by);
}

static void sha_schedule(uint32_t w[64], const unsigned char *block)
{
    for (int i = 0; i < 16; i++) {
        uint32_t big_endian;

        memcpy(&big_endian, block + 4 * i, 4);
        w[i] = __builtin_bswap32(big_endian);
    }
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];

        w[i] = w[i - 16] + (rotate_right(a, 7) ^ rotate_right(a, 18) ^ a >> 3) + w[i - 7] +
               (rotate_right(b, 17) ^ rotate_right(b, 19) ^ b >> 10);
    }
}

static void sha_block(uint32_t h[8], const unsigned char *block)
{
    uint32_t w[64], s[8];

    sha_schedule(w, block);
    memcpy(s, h, sizeof(s));
    for (int i = 0; i < 64; i++) {
        uint32_t a = s[0], e = s[4];
        uint32_t t1 = s[7] + (rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25)) +
                      ((e & s[5]) ^ (~e & s[6])) + sha_k[i] + w[i];
        uint32_t t2 = (rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22)) +
                      ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));

        memmove(s + 1, s, 7 * sizeof(s[0]));
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) {
        h[i] += s[i];
    }
}

static uint64_t run_sha256(unsigned long n)
{
    unsigned char *data = malloc(SHA_BYTES);
    uint32_t h[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
    uint64_t sum = 0;

    for (int i = 0; i < SHA_BYTES; i++) {
        data[i] = (unsigned char)(i * 7 + (i >> 8));
    }
    for (; n; n--) {
        for (int i = 0; i < SHA_BYTES; i += 64) {
            sha_block(h, data + i);
        }
    }
    for (int i = 0; i < 8; i++) {
        sum = fold(sum, h[i]);
    }
    free(data);
    return sum;
}

/* --- fib: calls and returns ------------------------------------------------------------------- */

static __attribute__((noinline, noclone, optimize("no-optimize-sibling-calls"))) uint32_t
fibonacci(uint32_t n)
{
    if (n < 2) {
        return n;
    }
    return fibonacci(n - 1) + fibonacci(n - 2);
}

static uint64_t run_fib(unsigned long n)
{
    uint64_t sum = 0;

    for (; n; n--) {
        sum = fold(sum, fibonacci(24 + n % 2));
    }
    return sum;
}

/* --- chase: a linked list in random order, 4 MiB ---------------------------------------------- */

enum { CHASE_NODES = 1 << 16, CHASE_STEPS = 1 << 20 };

typedef struct Node {
    struct Node *next;
    uint32_t value;
    char pad[64 - sizeof(void *) - sizeof(uint32_t)];
} Node;

/* One cycle through all nodes (Sattolo's shuffle). */
static void link_nodes(Node *nodes)
{
    uint32_t *order = malloc(CHASE_NODES * sizeof(*order)), seed = 3;

    for (uint32_t i = 0; i < CHASE_NODES; i++) {
        order[i] = i;
    }
    for (uint32_t i = CHASE_NODES - 1; i > 0; i--) {
        uint32_t j = next_random(&seed) % i, t = order[i];

        order[i] = order[j];
        order[j] = t;
    }
    for (uint32_t i = 0; i < CHASE_NODES; i++) {
        nodes[i].next = &nodes[order[i]];
        nodes[i].value = order[i];
    }
    free(order);
}

static uint64_t run_chase(unsigned long n)
{
    Node *nodes = calloc(CHASE_NODES, sizeof(*nodes)), *at = nodes;
    uint64_t sum = 0;

    link_nodes(nodes);
    for (; n; n--) {
        for (int i = 0; i < CHASE_STEPS; i++) {
            sum += at->value;
            at = at->next;
        }
    }
    free(nodes);
    return sum;
}

/* --- bytecode: a register machine, dispatched by a switch ------------------------------------- */

typedef enum Op { OP_SET, OP_ADD, OP_SUB, OP_MUL, OP_XOR, OP_LOAD, OP_STORE, OP_JNZ, OP_END } Op;

typedef struct Code {
    uint8_t op, a, b, c;
} Code;

/* for (r1 = 255; r1; r1--) { r2 = r2 * r5 + r1; mem[r1] ^= r2; r3 += mem[r2 & 255]; } */
static const Code program[] = {
    { OP_SET, 1, 255, 0 }, { OP_SET, 4, 1, 0 },   { OP_SET, 5, 33, 0 },  { OP_MUL, 2, 2, 5 },
    { OP_ADD, 2, 2, 1 },   { OP_LOAD, 6, 1, 0 },  { OP_XOR, 6, 6, 2 },   { OP_STORE, 6, 1, 0 },
    { OP_LOAD, 7, 2, 0 },  { OP_ADD, 3, 3, 7 },   { OP_SUB, 1, 1, 4 },   { OP_JNZ, 1, 3, 0 },
    { OP_END, 0, 0, 0 },
};

static void interpret(const Code *code, uint32_t *r, uint32_t *memory)
{
    for (const Code *c = code;; c++) {
        switch ((Op)c->op) {
        case OP_SET:
            r[c->a] = c->b;
            break;
        case OP_ADD:
            r[c->a] = r[c->b] + r[c->c];
            break;
        case OP_SUB:
            r[c->a] = r[c->b] - r[c->c];
            break;
        case OP_MUL:
            r[c->a] = r[c->b] * r[c->c];
            break;
        case OP_XOR:
            r[c->a] = r[c->b] ^ r[c->c];
            break;
        case OP_LOAD:
            r[c->a] = memory[r[c->b] & 255];
            break;
        case OP_STORE:
            memory[r[c->b] & 255] = r[c->a];
            break;
        case OP_JNZ:
            if (r[c->a]) {
                c = code + c->b - 1;
            }
            break;
        case OP_END:
            return;
        }
    }
}

static uint64_t run_bytecode(unsigned long n)
{
    uint32_t r[8] = { 0 }, memory[256] = { 0 };
    uint64_t sum = 0;

    for (; n; n--) {
        interpret(program, r, memory);
        sum = fold(sum, r[3]);
    }
    return sum;
}

/* --- sieve: primes below a million ------------------------------------------------------------ */

enum { SIEVE_SIZE = 1000000 };

static uint64_t run_sieve(unsigned long n)
{
    unsigned char *composite = malloc(SIEVE_SIZE);
    uint64_t sum = 0;

    for (; n; n--) {
        memset(composite, 0, SIEVE_SIZE);
        for (int i = 2; i < SIEVE_SIZE; i++) {
            if (composite[i]) {
                continue;
            }
            sum++;
            for (int j = 2 * i; j < SIEVE_SIZE; j += i) {
                composite[j] = 1;
            }
        }
    }
    free(composite);
    return sum;
}

/* --- crc: CRC-32 by a table of bytes ---------------------------------------------------------- */

enum { CRC_BYTES = 1 << 18 };

static uint64_t run_crc(unsigned long n)
{
    unsigned char *data = malloc(CRC_BYTES);
    uint32_t table[256], crc = ~0u, seed = 5;

    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++) {
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
        }
    }
    for (int i = 0; i < CRC_BYTES; i++) {
        data[i] = (unsigned char)next_random(&seed);
    }
    for (; n; n--) {
        for (int i = 0; i < CRC_BYTES; i++) {
            crc = crc >> 8 ^ table[(crc ^ data[i]) & 0xff];
        }
    }
    free(data);
    return ~crc;
}

/* --- queens: backtracking with bit sets ------------------------------------------------------- */

static uint32_t place_queens(uint32_t all, uint32_t columns, uint32_t left, uint32_t right)
{
    uint32_t found = 0;

    if (columns == all) {
        return 1;
    }
    for (uint32_t open = all & ~(columns | left | right); open; open &= open - 1) {
        uint32_t bit = open & -open;

        found += place_queens(all, columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
    return found;
}

static uint64_t run_queens(unsigned long n)
{
    uint64_t sum = 0;

    for (; n; n--) {
        sum = fold(sum, place_queens((1u << 9) - 1, 0, 0, 0));
    }
    return sum;
}

const Kernel integer_kernels[] = {
    { "sort", run_sort },   { "hash", run_hash },         { "sha256", run_sha256 },
    { "fib", run_fib },     { "chase", run_chase },       { "bytecode", run_bytecode },
    { "sieve", run_sieve }, { "crc", run_crc },           { "queens", run_queens },
    { 0 },
};
