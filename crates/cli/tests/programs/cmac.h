/* AES-128-CMAC (RFC 4493), written plainly: an oracle that shares nothing with what it checks. */
#ifndef CMAC_H
#define CMAC_H

#include <stdint.h>
#include <string.h>

static inline uint8_t gf_double(uint8_t x)
{
    return (uint8_t)(x << 1 ^ (x >> 7) * 0x1b);
}

/* The S-box: the inverse in GF(2^8), then the affine map. */
static inline uint8_t aes_sub(uint8_t x)
{
    uint8_t inverse = 0, out = 0x63;

    for (int candidate = 1; candidate < 256 && x; candidate++) {
        uint8_t product = 0, a = x;
        for (int b = candidate; b; b >>= 1, a = gf_double(a))
            if (b & 1)
                product ^= a;
        if (product == 1)
            inverse = (uint8_t)candidate;
    }
    for (int i = 0; i < 5; i++)
        out ^= (uint8_t)(inverse << i | inverse >> (8 - i));
    return out;
}

struct aes {
    uint8_t sub[256];
    uint8_t round_keys[11][16];
};

static inline void aes_set_key(struct aes *aes, const uint8_t key[16])
{
    uint8_t rcon = 1;

    for (int i = 0; i < 256; i++)
        aes->sub[i] = aes_sub((uint8_t)i);
    memcpy(aes->round_keys[0], key, 16);
    for (int round = 1; round <= 10; round++, rcon = gf_double(rcon)) {
        const uint8_t *before = aes->round_keys[round - 1];
        uint8_t *now = aes->round_keys[round];
        for (int i = 0; i < 4; i++)
            now[i] = before[i] ^ aes->sub[before[12 + (i + 1) % 4]] ^ (i ? 0 : rcon);
        for (int i = 4; i < 16; i++)
            now[i] = before[i] ^ now[i - 4];
    }
}

static inline void aes_encrypt(const struct aes *aes, uint8_t s[16])
{
    for (int round = 0; round <= 10; round++) {
        uint8_t t[16];
        if (round > 0) {
            for (int i = 0; i < 16; i++) /* SubBytes and ShiftRows */
                t[i] = aes->sub[s[(i + 4 * (i % 4)) % 16]];
            for (int i = 0; i < 16; i++) { /* MixColumns, not in the last round */
                const uint8_t *c = t + i / 4 * 4;
                int r = i % 4;
                s[i] = round == 10 ? t[i]
                                   : (uint8_t)(gf_double(c[r]) ^ gf_double(c[(r + 1) % 4]) ^
                                               c[(r + 1) % 4] ^ c[(r + 2) % 4] ^ c[(r + 3) % 4]);
            }
        }
        for (int i = 0; i < 16; i++)
            s[i] ^= aes->round_keys[round][i];
    }
}

/* MAC of a message whose length is a multiple of 16 and not 0. */
static inline void cmac(const uint8_t key[16], const uint8_t *message, unsigned length,
                        uint8_t mac[16])
{
    struct aes aes;
    uint8_t subkey[16] = {0};

    aes_set_key(&aes, key);
    aes_encrypt(&aes, subkey);
    uint8_t carry = (subkey[0] >> 7) * 0x87;
    for (int i = 0; i < 16; i++)
        subkey[i] = (uint8_t)(subkey[i] << 1 | (i < 15 ? subkey[i + 1] >> 7 : 0));
    subkey[15] ^= carry;

    memset(mac, 0, 16);
    for (unsigned at = 0; at < length; at += 16) {
        for (int i = 0; i < 16; i++)
            mac[i] ^= message[at + i] ^ (at + 16 == length ? subkey[i] : 0);
        aes_encrypt(&aes, mac);
    }
}

#endif
