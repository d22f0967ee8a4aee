/* Two hundred threads that wait for one another, allocate, and count. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 200, ROUNDS = 50 };

static pthread_barrier_t barrier;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long sum;
static __thread long own;

static void *work(void *argument)
{
    long number = (long)argument;

    pthread_barrier_wait(&barrier);
    for (int i = 0; i < ROUNDS; i++) {
        char *memory = malloc(1000 + number);
        memset(memory, (int)number, 1000 + number);
        own += memory[number] != 0;
        free(memory);
        pthread_mutex_lock(&mutex);
        sum += number;
        pthread_mutex_unlock(&mutex);
    }
    pthread_barrier_wait(&barrier);
    return (void *)own;
}

int main(void)
{
    pthread_t threads[THREADS];
    long touched = 0;

    pthread_barrier_init(&barrier, NULL, THREADS);
    for (long i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)i) != 0)
            return 1;
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        touched += (long)result;
    }
    printf("%ld %ld\n", sum, touched);
    return 0;
}
