/* Prints a sealing key: the same in each run with the same device root. */
#include "keys.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    struct key_request request = {.name = KEY_SEAL, .policy = POLICY_MRENCLAVE};
    uint8_t key[16];

    CHECK_EQ(get_key(&e, &request, key), 0);
    for (int i = 0; i < 16; i++)
        printf("%02x", key[i]);
    printf("\n");
    return 0;
}
