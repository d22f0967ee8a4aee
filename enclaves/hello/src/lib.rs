//! The hello enclave.
