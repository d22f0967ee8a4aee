/* Gives the linker a symbol of linux-vdso.so.1 to bind to; never loaded. */
int __vdso_sgx_enter_enclave(void)
{
    return 0;
}
