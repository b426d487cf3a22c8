/* usage: step START END PROGRAM ARGUMENT…
 * Runs a program instruction by instruction until it ends, and the process that it makes until that
 * executes another program. Prints each address between START and END (hexadecimal) that was
 * executed. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static const long OPTIONS = PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE
                            | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;

int main(int count, char **words)
{
    if (count < 4) return 2;
    unsigned long start = strtoul(words[1], NULL, 16), end = strtoul(words[2], NULL, 16);
    char *seen = calloc(end - start, 1);
    FILE *out = fdopen(dup(1), "w");
    pid_t first = fork();
    if (first == 0) {
        freopen("/dev/null", "w", stdout);
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        execv(words[3], words + 3);
        _exit(127);
    }
    int status;
    waitpid(first, &status, 0);
    ptrace(PTRACE_SETOPTIONS, first, 0, OPTIONS);
    ptrace(PTRACE_SINGLESTEP, first, 0, 0);
    int executed = 0;
    pid_t at, second = 0;
    while ((at = waitpid(-1, &status, __WALL)) > 0) {
        if (!WIFSTOPPED(status)) {
            if (at == first) break;
            second = 0;
            continue;
        }
        if (at != first) second = at;
        struct user_regs_struct registers;
        if (ptrace(PTRACE_GETREGS, at, 0, &registers) == 0 && registers.rip >= start
            && registers.rip < end)
            seen[registers.rip - start] = 1;
        /* The program itself is executed once; what is executed after it is another program. */
        if (status >> 16 == PTRACE_EVENT_EXEC && executed++) {
            ptrace(PTRACE_DETACH, at, 0, 0);
            second = 0;
            continue;
        }
        int signal = WSTOPSIG(status);
        int is_ours = signal == SIGTRAP || signal == SIGSTOP || status >> 16;
        ptrace(PTRACE_SINGLESTEP, at, 0, is_ours ? 0 : signal);
    }
    if (second) { /* It waits for `start`. */
        kill(second, SIGSTOP);
        waitpid(second, &status, __WALL);
        ptrace(PTRACE_DETACH, second, 0, 0);
        kill(second, SIGCONT);
    }
    for (unsigned long i = 0; i < end - start; i++)
        if (seen[i]) fprintf(out, "%016lx\n", start + i);
    return fclose(out) != 0;
}
