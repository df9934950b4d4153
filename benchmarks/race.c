// Measures commands side by side: in every round each runs once, so that what else the machine does hits all alike.
//
//   race ROUNDS NAME COMMAND [NAME COMMAND]...
//
// A command is split at blanks, without a shell; its output is thrown away, its exit code must be 0 or 2. The first one
// is what the others are compared with, round by round: "over" and "ratio" are medians of these.
//
// In C, and small: what the parent has in memory at the moment of exec counts as the child's peak (setmax_mm_hiwater_rss
// in fs/exec.c).
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { most_words = 512, most_commands = 16, warm_up = 3 };

struct command {
    char *name, *words[most_words];
    double *wall, *cpu; // milliseconds, one of each round
    long peak;          // KiB
};

static int ascending(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

static double quantile(const double *values, int count, double share) {
    double sorted[count];
    memcpy(sorted, values, sizeof sorted);
    qsort(sorted, count, sizeof *sorted, ascending);
    return sorted[(int)(share * (count - 1) + 0.5)];
}

static double milliseconds(struct timeval time) { return time.tv_sec * 1e3 + time.tv_usec / 1e3; }

static void run(struct command *command, int round) {
    struct timespec start, end;
    struct rusage usage;
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    clock_gettime(CLOCK_MONOTONIC, &start);
    int error = posix_spawnp(&child, command->words[0], &actions, NULL, command->words, environ);
    if (error != 0) {
        fprintf(stderr, "race: %s: %s\n", command->words[0], strerror(error));
        exit(1);
    }
    wait4(child, &status, 0, &usage);
    clock_gettime(CLOCK_MONOTONIC, &end);
    posix_spawn_file_actions_destroy(&actions);
    if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 2)) {
        fprintf(stderr, "race: %s: ended with %d\n", command->name, WEXITSTATUS(status));
        exit(1);
    }
    if (round < 0) return;
    command->wall[round] = (end.tv_sec - start.tv_sec) * 1e3 + (end.tv_nsec - start.tv_nsec) / 1e6;
    command->cpu[round] = milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
    if (usage.ru_maxrss > command->peak) command->peak = usage.ru_maxrss;
}

static void print(const struct command *command, const struct command *first, int rounds) {
    double over[rounds], ratio[rounds];
    for (int round = 0; round < rounds; round++) {
        over[round] = command->wall[round] - first->wall[round];
        ratio[round] = command->wall[round] / first->wall[round];
    }
    printf("%-34s %7.2f  %6.2f-%-7.2f %6.2f %8.2f %6.2f %7.1f\n", command->name,
           quantile(command->wall, rounds, 0.5), quantile(command->wall, rounds, 0.1),
           quantile(command->wall, rounds, 0.9), quantile(command->cpu, rounds, 0.5), quantile(over, rounds, 0.5),
           quantile(ratio, rounds, 0.5), command->peak / 1024.0);
}

int main(int argc, char **argv) {
    static struct command commands[most_commands];
    int rounds = argc > 1 ? atoi(argv[1]) : 0, count = (argc - 2) / 2;
    if (rounds < 1 || count < 1 || count > most_commands || argc % 2 != 0) {
        fprintf(stderr, "usage: race ROUNDS NAME COMMAND [NAME COMMAND]...\n");
        return 64;
    }
    for (int i = 0; i < count; i++) {
        struct command *command = &commands[i];
        int words = 0;
        command->name = argv[2 + 2 * i];
        for (char *word = strtok(argv[3 + 2 * i], " "); word; word = strtok(NULL, " ")) {
            if (words == most_words - 1) return 64;
            command->words[words++] = word;
        }
        command->wall = calloc(rounds, sizeof(double));
        command->cpu = calloc(rounds, sizeof(double));
    }
    // Each round begins with another one, so that none always follows the same.
    for (int round = -warm_up; round < rounds; round++)
        for (int i = 0; i < count; i++) run(&commands[(i + round + warm_up) % count], round);
    printf("%-34s %7s  %-14s %6s %8s %6s %7s\n", "", "median", "10 % - 90 %", "CPU", "over", "ratio", "peak");
    printf("%-34s %7s  %-14s %6s %8s %6s %7s\n", "", "ms", "ms", "ms", "ms", "", "MiB");
    for (int i = 0; i < count; i++) print(&commands[i], &commands[0], rounds);
    return 0;
}
