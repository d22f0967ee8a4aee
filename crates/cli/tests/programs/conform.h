/* What conform.c and conform.S share: the block of a processor, at a place below 2 GiB so that code reaches it
 * without a register. */
#ifndef CONFORM_H
#define CONFORM_H

#define PROCESSORS 2
#define BLOCKS 0x7ead0000
#define BLOCK_BYTES 0x1000

/* Offsets in a block. Registers stand in the order of the SSA; flags follow. */
#define IN 0x000
#define IN_RFLAGS 0x080
#define OUT 0x100
#define OUT_RFLAGS 0x180
#define DOORBELL 0x200
#define DONE 0x204
#define WHERE 0x208
#define VIA 0x20c
#define VECTOR 0x210
#define ERROR 0x218
#define ADDRESS 0x220
#define RIP 0x228
#define WAIT 0x230
#define IN_BASES 0x240 /* of FS and GS, inside only */
#define OUT_BASES 0x250
#define XIN 0x400
#define XOUT 0x800
#define XSAVE_BYTES 832 /* x87, SSE, AVX */
#define STACK 0xf00

#define SYS_FUTEX 202

/* What DONE says: the agent stored the registers, or a signal did. */
#define BY_AGENT 1
#define BY_SIGNAL 2

#endif
