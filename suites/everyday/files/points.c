/* Multiples of the generator of P-256, each computed in two ways: points COUNT. */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>

static void check(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s fails\n", what);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 600;
    BN_CTX *context = BN_CTX_new();
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *point = EC_POINT_new(group), *sum = EC_POINT_new(group), *half = EC_POINT_new(group);
    BIGNUM *scalar = BN_new(), *part = BN_new(), *rest = BN_new();

    for (int i = 0; i < count; i++) {
        unsigned char digest[SHA256_DIGEST_LENGTH];
        SHA256((unsigned char *)&i, sizeof(i), digest);
        BN_bin2bn(digest, sizeof(digest), scalar);
        check(EC_POINT_mul(group, point, scalar, NULL, NULL, context), "kG");
        check(EC_POINT_is_on_curve(group, point, context) == 1, "on the curve");

        /* k = part + rest, by the generator's table and by a general point. */
        BN_rshift(part, scalar, 3);
        BN_sub(rest, scalar, part);
        check(EC_POINT_mul(group, sum, part, NULL, NULL, context), "partG");
        check(EC_POINT_mul(group, half, NULL, EC_GROUP_get0_generator(group), rest, context), "restG");
        check(EC_POINT_add(group, sum, sum, half, context), "sum");
        check(EC_POINT_cmp(group, sum, point, context) == 0, "kG = partG + restG");

        char *text = EC_POINT_point2hex(group, point, POINT_CONVERSION_COMPRESSED, context);
        puts(text);
        OPENSSL_free(text);
    }
    return 0;
}
