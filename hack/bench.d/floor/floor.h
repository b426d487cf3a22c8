/* What the parts of the floor share: the two configurations, and how a step fails. */
#ifndef FLOOR_H
#define FLOOR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define must(call) do { if ((call) < 0) die(#call); } while (0)

struct config {
	const char *hostname;
	unsigned long proc_flags;
	uint64_t capabilities;
	int readonly_root, no_new_privs, docker;
};

/* Tells the step that failed, with errno, and ends. */
void die(const char *step);
/* Writes a text to a file below a directory. */
void put(int dir, const char *name, const char *text);

/* The container's name in every hierarchy, and whether the host has cgroups of version 2 only. */
extern const char *cgroup_id;
extern int v2;

/* Version 1: opens the hierarchies, makes the cgroups, moves a process ("0": the caller). */
void open_hierarchies(void);
void make_cgroups_v1(const struct config *config);
void join_v1(const char *file, const char *who);
/* The n-th hierarchy's name; NULL if the host has none of that kind. */
const char *hierarchy_name(size_t n);
extern const size_t hierarchy_count;
/* Version 2: a descriptor of the cgroup, for the child to be born in. */
int make_cgroup_v2(const struct config *config);
void remove_cgroups(void);

#endif
