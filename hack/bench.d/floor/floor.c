/* floor: what the kernel asks for one container, and nothing else.
 *
 * usage: floor [--pid-write] [--sequential] [--filter FILE] plain|docker BUNDLE ID [PROGRAM ARG...]
 *
 * It does what `RUNTIME run` does for the two configurations of this measurement, with the tables
 * written in: clone, cgroups and limits, mounts, devices, pivot_root, capabilities, seccomp, exec,
 * wait, removal. It reads no JSON and keeps no state, so no runtime can be faster than this for
 * the same meaning; what a runtime takes beyond it is the runtime's own.
 *
 *   --pid-write   the parent writes the child's id to cgroup.procs, as most runtimes do: shows what
 *                 the thread-group lock costs after a moment of quiet
 *   --sequential  make the cgroups before the clone, not beside the child's first steps
 *   --filter      raw struct sock_filter array to load for `docker`
 *
 * Every step that fails ends the program with status 125 and the step's name.
 */
#define _GNU_SOURCE
#include "floor.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define HIDE (MS_NOSUID | MS_NOEXEC | MS_NODEV)

static const struct config PLAIN = {
	.hostname = "runc", .capabilities = 0x20000420, .readonly_root = 1, .no_new_privs = 1,
};
static const struct config DOCKER = {
	.hostname = "0123456789ab", .proc_flags = HIDE, .capabilities = 0xa80425fb, .docker = 1,
};

static const char *const MASKED[] = {
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
	"/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
	"/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
};
static const char *const READONLY[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};
static const struct { const char *name; unsigned minor, major; } DEVICES[] = {
	{ "dev/null", 3, 1 }, { "dev/zero", 5, 1 }, { "dev/full", 7, 1 }, { "dev/random", 8, 1 },
	{ "dev/urandom", 9, 1 }, { "dev/tty", 0, 5 },
};

void die(const char *step)
{
	dprintf(2, "floor: %s: %s\n", step, strerror(errno));
	_exit(125);
}

void put(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
	ssize_t wrote = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (wrote != (ssize_t)strlen(text))
		die(name);
	close(fd);
}

/* The child */

static void mount_cgroups(void)
{
	char from[256], to[256];

	if (v2) {
		must(mount("cgroup", "sys/fs/cgroup", "cgroup2", HIDE | MS_RDONLY, NULL));
		return;
	}
	must(mount("tmpfs", "sys/fs/cgroup", "tmpfs", HIDE, "mode=755"));
	for (size_t i = 0; i < hierarchy_count; i++) {
		const char *name = hierarchy_name(i);

		if (!name)
			continue;
		snprintf(from, sizeof from, "/sys/fs/cgroup/%s/%s", name, cgroup_id);
		snprintf(to, sizeof to, "sys/fs/cgroup/%s", name);
		must(mkdir(to, 0755));
		must(mount(from, to, NULL, MS_BIND, NULL));
		must(mount(NULL, to, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | HIDE, NULL));
	}
	must(mount(NULL, "sys/fs/cgroup", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | HIDE, NULL));
}

static void bind_file(const char *bundle, const char *name)
{
	char from[4096], to[64];

	snprintf(from, sizeof from, "%s/files/%s", bundle, name);
	snprintf(to, sizeof to, "etc/%s", name);
	must(mount(from, to, NULL, MS_BIND | MS_REC, NULL));
	must(mount(NULL, to, NULL, MS_PRIVATE | MS_REC, NULL));
}

/* Up to the mount that needs the cgroup; the order is that of the configurations. */
static void mount_first(const struct config *config)
{
	must(mount("proc", "proc", "proc", config->proc_flags, NULL));
	must(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"));
	must(mkdir("dev/pts", 0755));
	must(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		   "newinstance,ptmxmode=0666,mode=0620,gid=5"));
	must(mkdir("dev/shm", 01777));
	must(mount("shm", "dev/shm", "tmpfs", HIDE, "mode=1777,size=65536k"));
	must(mkdir("dev/mqueue", 01777));
	must(mount("mqueue", "dev/mqueue", "mqueue", HIDE, NULL));
	must(mount("sysfs", "sys", "sysfs", HIDE | MS_RDONLY, NULL));
}

static void make_devices(void)
{
	for (size_t i = 0; i < COUNT(DEVICES); i++)
		must(mknod(DEVICES[i].name, S_IFCHR | 0666,
			   makedev(DEVICES[i].major, DEVICES[i].minor)));
	must(symlink("/proc/self/fd", "dev/fd"));
	must(symlink("/proc/self/fd/0", "dev/stdin"));
	must(symlink("/proc/self/fd/1", "dev/stdout"));
	must(symlink("/proc/self/fd/2", "dev/stderr"));
	must(symlink("/proc/kcore", "dev/core"));
	must(symlink("pts/ptmx", "dev/ptmx"));
}

/* One empty file system hides every directory. */
static void mask(const char *path)
{
	static const char *empty;
	struct stat info;

	if (stat(path, &info) < 0)
		return; /* most of these exist only on some kernels */
	if (!S_ISDIR(info.st_mode)) {
		must(mount("/dev/null", path, NULL, MS_BIND, NULL));
	} else if (empty) {
		must(mount(empty, path, NULL, MS_BIND, NULL));
	} else {
		must(mount("tmpfs", path, "tmpfs", MS_RDONLY, "nr_blocks=1,nr_inodes=1"));
		empty = path;
	}
}

static void hide_paths(const struct config *config)
{
	for (size_t i = 0; i < COUNT(READONLY); i++) {
		if (mount(READONLY[i], READONLY[i], NULL, MS_BIND | MS_REC, NULL) < 0) {
			if (errno != ENOENT)
				die(READONLY[i]);
			continue;
		}
		must(mount(NULL, READONLY[i], NULL,
			   MS_REMOUNT | MS_BIND | MS_RDONLY | config->proc_flags, NULL));
	}
	for (size_t i = 0; i < COUNT(MASKED); i++)
		if (config->docker || strcmp(MASKED[i], "/proc/interrupts"))
			mask(MASKED[i]);
}

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	must(fd);
	must(ioctl(fd, SIOCSIFFLAGS, &request));
	close(fd);
}

static struct sock_filter code[BPF_MAXINSNS];
static struct sock_fprog program = { .filter = code };

static void read_filter(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t size;

	must(fd);
	must(size = read(fd, code, sizeof code));
	close(fd);
	program.len = size / sizeof code[0];
}

static void drop_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = keep, .permitted = keep },
		{ .effective = keep >> 32, .permitted = keep >> 32 },
	};

	for (int i = 0; i <= CAP_LAST_CAP; i++)
		if (!(keep >> i & 1))
			must(prctl(PR_CAPBSET_DROP, i, 0, 0, 0));
	must(setgroups(0, NULL));
	must(setresgid(0, 0, 0));
	must(setresuid(0, 0, 0));
	must(syscall(SYS_capset, &head, data));
}

static void enter_root(const struct config *config)
{
	must(syscall(SYS_pivot_root, ".", "."));
	must(umount2(".", MNT_DETACH));
	must(chdir("/"));
	must(sethostname(config->hostname, strlen(config->hostname)));
	if (config->docker) {
		put(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
		put(AT_FDCWD, "/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
	}
	hide_paths(config);
	if (config->readonly_root)
		must(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
}

static void finish(const struct config *config, char **argv)
{
	static char *const environment[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL,
	};
	static const struct rlimit nofile = { 1024, 1024 };

	if (config->docker)
		put(AT_FDCWD, "/proc/self/oom_score_adj", "0");
	else
		must(setrlimit(RLIMIT_NOFILE, &nofile));
	if (config->no_new_privs)
		must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (program.len)
		must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
	drop_capabilities(config->capabilities);
	must(syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */));
	umask(022);
	execve(argv[0], argv, environment);
	die(argv[0]);
}

static void await(int ready)
{
	char byte;

	if (read(ready, &byte, 1) != 1)
		die("wait for the cgroups");
}

static void child(const struct config *config, const char *bundle, int ready, int join)
{
	must(unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET));
	umask(0);
	must(setsid());
	must(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, cgroup_id, 0, 0, 0));
	loopback_up();
	must(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL));
	must(chdir(bundle));
	must(mount("rootfs", "rootfs", NULL, MS_BIND | MS_REC, NULL));
	must(chdir("rootfs"));
	mount_first(config);
	make_devices();
	await(ready);
	if (join)
		join_v1("tasks", "0");
	mount_cgroups();
	if (config->docker) {
		bind_file(bundle, "resolv.conf");
		bind_file(bundle, "hostname");
		bind_file(bundle, "hosts");
	}
	enter_root(config);
}

/* The parent */

struct options { int pid_write, sequential; const char *filter; };

/* The child makes the other namespaces itself: the network's takes half a millisecond, in which
 * the parent can make the cgroups. */
static pid_t clone_child(int cgroup)
{
	struct clone_args args = { .flags = CLONE_NEWPID, .exit_signal = SIGCHLD };

	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = cgroup;
	}
	return syscall(SYS_clone3, &args, sizeof args);
}

static int run(const struct config *config, const struct options *options, char **argv)
{
	static char *const truth[] = { "/bin/true", NULL };
	int pipes[2], status, cgroup = -1;
	char text[16];
	pid_t pid;

	if (options->filter && config->docker)
		read_filter(options->filter);
	must(pipe2(pipes, O_CLOEXEC));
	if (v2)
		cgroup = make_cgroup_v2(config);
	else
		open_hierarchies();
	if (!v2 && options->sequential)
		make_cgroups_v1(config);
	must(pid = clone_child(options->pid_write ? -1 : cgroup));
	if (!pid) {
		child(config, argv[0], pipes[0], !v2 && !options->pid_write);
		finish(config, argv[2] ? argv + 2 : (char **)truth);
	}
	if (!v2 && !options->sequential)
		make_cgroups_v1(config);
	if (options->pid_write) {
		snprintf(text, sizeof text, "%d", pid);
		if (v2)
			put(cgroup, "cgroup.procs", text);
		else
			join_v1("cgroup.procs", text);
	}
	must(write(pipes[1], "", 1));
	must(waitpid(pid, &status, 0));
	remove_cgroups();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	struct statfs fs;

	for (argv++, argc--; argc && !strncmp(*argv, "--", 2); argv++, argc--) {
		if (!strcmp(*argv, "--pid-write"))
			options.pid_write = 1;
		else if (!strcmp(*argv, "--sequential"))
			options.sequential = 1;
		else if (!strcmp(*argv, "--filter") && argc > 1)
			options.filter = *++argv, argc--;
		else
			break;
	}
	int docker = argc && !strcmp(*argv, "docker");

	if (argc < 3 || (!docker && strcmp(*argv, "plain"))) {
		dprintf(2, "usage: floor [--pid-write] [--sequential] [--filter FILE] "
			   "plain|docker BUNDLE ID [PROGRAM ARG...]\n");
		return 125;
	}
	cgroup_id = argv[2];
	must(statfs("/sys/fs/cgroup", &fs));
	v2 = fs.f_type == CGROUP2_SUPER_MAGIC;
	return run(docker ? &DOCKER : &PLAIN, &options, argv + 1);
}
