/* Cgroups of both versions. */
#define _GNU_SOURCE
#include "floor.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The hierarchies of cgroup v1 that runc and crun enter; the ones that are absent are skipped. */
static const char *const HIERARCHIES[] = {
	"cpuset", "cpu", "cpuacct", "memory", "devices", "freezer", "blkio", "pids", "systemd",
	"hugetlb", "net_cls", "net_prio", "perf_event", "rdma", "misc",
};
static const char *const DEVICE_RULES[] = {
	"c *:* m", "b *:* m", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm",
	"c 5:0 rwm", "c 5:1 rwm", "c 5:2 rwm", "c 136:* rwm",
};
const char *cgroup_id;
const size_t hierarchy_count = COUNT(HIERARCHIES);
int v2;
static int is_open[COUNT(HIERARCHIES)], hierarchy[COUNT(HIERARCHIES)];

const char *hierarchy_name(size_t n)
{
	return is_open[n] ? HIERARCHIES[n] : NULL;
}

/* Version 1 */

void open_hierarchies(void)
{
	char path[64];

	for (size_t i = 0; i < COUNT(HIERARCHIES); i++) {
		struct statfs fs;

		snprintf(path, sizeof path, "/sys/fs/cgroup/%s", HIERARCHIES[i]);
		hierarchy[i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (hierarchy[i] < 0)
			continue;
		is_open[i] = !fstatfs(hierarchy[i], &fs) && fs.f_type == CGROUP_SUPER_MAGIC;
	}
}

static int enter_directory(int dir)
{
	int fd = openat(dir, cgroup_id, O_PATH | O_DIRECTORY | O_CLOEXEC);

	must(fd);
	return fd;
}

static void copy_file(int from, int to, const char *name)
{
	char text[4096];
	int fd = openat(from, name, O_RDONLY | O_CLOEXEC);
	ssize_t size;

	must(fd);
	must(size = read(fd, text, sizeof text - 1));
	text[size] = 0;
	close(fd);
	put(to, name, text);
}

static void limit_v1(const char *name, int parent, int fd, const struct config *config)
{
	if (!strcmp(name, "cpuset")) {
		copy_file(parent, fd, "cpuset.cpus");
		copy_file(parent, fd, "cpuset.mems");
	} else if (!strcmp(name, "devices")) {
		put(fd, "devices.deny", "a");
		for (size_t i = 0; i < COUNT(DEVICE_RULES); i++)
			put(fd, "devices.allow", DEVICE_RULES[i]);
	} else if (!config->docker) {
		return;
	} else if (!strcmp(name, "memory")) {
		put(fd, "memory.limit_in_bytes", "268435456");
	} else if (!strcmp(name, "pids")) {
		put(fd, "pids.max", "256");
	} else if (!strcmp(name, "cpu")) {
		put(fd, "cpu.shares", "512");
		put(fd, "cpu.cfs_period_us", "100000");
		put(fd, "cpu.cfs_quota_us", "100000");
	}
}

static int limited(const char *name, const struct config *config)
{
	return !strcmp(name, "cpuset") || !strcmp(name, "devices")
		|| (config->docker && (!strcmp(name, "memory") || !strcmp(name, "pids")
				       || !strcmp(name, "cpu")));
}

void make_cgroups_v1(const struct config *config)
{
	for (size_t i = 0; i < COUNT(HIERARCHIES); i++) {
		if (!is_open[i])
			continue;
		must(mkdirat(hierarchy[i], cgroup_id, 0755));
		if (!limited(HIERARCHIES[i], config))
			continue;
		int fd = enter_directory(hierarchy[i]);

		limit_v1(HIERARCHIES[i], hierarchy[i], fd, config);
		close(fd);
	}
}

/* A thread that moves only itself takes no lock of the whole system. */
void join_v1(const char *file, const char *who)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", cgroup_id, file);
	for (size_t i = 0; i < COUNT(HIERARCHIES); i++)
		if (is_open[i])
			put(hierarchy[i], path, who);
}

void remove_cgroups(void)
{
	for (size_t i = 0; i < COUNT(HIERARCHIES); i++)
		if (is_open[i])
			must(unlinkat(hierarchy[i], cgroup_id, AT_REMOVEDIR));
}

/* Version 2: the child is born inside */

#define INSN(c, d, s, o, i) { .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) }
#define LOAD(d, o) INSN(BPF_LDX | BPF_W | BPF_MEM, d, BPF_REG_1, o, 0)
#define SAME(r, i, o) INSN(BPF_JMP | BPF_JEQ | BPF_K, r, 0, o, i)

static void filter_devices(int cgroup)
{
	/* r2 type, r3 access, r4 major, r5 minor; 17 denies, 19 allows */
	struct bpf_insn program[] = {
		LOAD(2, 0), LOAD(3, 0), LOAD(4, 4), LOAD(5, 8),
		INSN(BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff),
		INSN(BPF_ALU | BPF_RSH | BPF_K, 3, 0, 0, 16),
		SAME(3, BPF_DEVCG_ACC_MKNOD, 12),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 9, BPF_DEVCG_DEV_CHAR),
		SAME(4, 136, 10),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 4, 0, 5, 1),
		SAME(5, 3, 8), SAME(5, 5, 7), SAME(5, 7, 6), SAME(5, 8, 5), SAME(5, 9, 4),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 4, 0, 1, 5),
		INSN(BPF_JMP | BPF_JLE | BPF_K, 5, 0, 2, 2),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, .insns = (uintptr_t)program,
		.insn_cnt = COUNT(program), .license = (uintptr_t)"",
	};
	int fd = syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);

	must(fd);
	union bpf_attr attach = {
		.target_fd = cgroup, .attach_bpf_fd = fd, .attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI,
	};
	must(syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach));
	close(fd);
}

int make_cgroup_v2(const struct config *config)
{
	int root = hierarchy[0] = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	must(root);
	is_open[0] = 1;
	must(mkdirat(root, cgroup_id, 0755));
	int fd = openat(root, cgroup_id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	must(fd);
	filter_devices(fd);
	if (!config->docker)
		return fd;
	if (faccessat(fd, "memory.max", W_OK, 0) < 0 || faccessat(fd, "cpu.max", W_OK, 0) < 0)
		put(root, "cgroup.subtree_control", "+cpu +memory +pids");
	put(fd, "memory.max", "268435456");
	put(fd, "pids.max", "256");
	put(fd, "cpu.weight", "20");
	put(fd, "cpu.max", "100000 100000");
	return fd;
}
