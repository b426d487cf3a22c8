/* filter: rules in, the raw filter that libseccomp makes of them out.
 *
 * usage: filter < RULES > FILE
 *
 * One rule in each line: `allow NAME` or `errno NUMBER NAME`, then for a rule with a condition
 * `INDEX OPERATOR VALUE [VALUE2]` (< = > and & for "masked equal"). What no rule allows gets EPERM.
 * Calls that this libseccomp has not heard of are left out. The layout is the binary tree, the
 * better one of the two that libseccomp offers.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void check(int result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "filter: %s: %s\n", what, strerror(-result));
		exit(1);
	}
}

static enum scmp_compare operator_of(char sign)
{
	switch (sign) {
	case '<': return SCMP_CMP_LT;
	case '=': return SCMP_CMP_EQ;
	case '>': return SCMP_CMP_GT;
	case '&': return SCMP_CMP_MASKED_EQ;
	}
	check(-EINVAL, "operator");
	return 0;
}

static void add(scmp_filter_ctx filter, const char *line)
{
	char name[64], sign;
	unsigned index, number = 0;
	unsigned long long value, value2 = 0;
	int used = 0;

	if (sscanf(line, "allow %63s%n", name, &used) != 1
	    && sscanf(line, "errno %u %63s%n", &number, name, &used) != 2)
		check(-EINVAL, line);
	unsigned action = number ? SCMP_ACT_ERRNO(number) : SCMP_ACT_ALLOW;
	int call = seccomp_syscall_resolve_name(name);

	if (call == __NR_SCMP_ERROR)
		return;
	if (sscanf(line + used, "%u %c %llu %llu", &index, &sign, &value, &value2) < 3) {
		check(seccomp_rule_add(filter, action, call, 0), name);
		return;
	}
	struct scmp_arg_cmp condition = SCMP_CMP(index, operator_of(sign), value, value2);

	check(seccomp_rule_add_array(filter, action, call, 1, &condition), name);
}

int main(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	char line[256];

	check(filter ? 0 : -ENOMEM, "start");
	if (seccomp_arch_native() == SCMP_ARCH_X86_64) {
		check(seccomp_arch_add(filter, SCMP_ARCH_X86), "i386");
		check(seccomp_arch_add(filter, SCMP_ARCH_X32), "x32");
	}
	check(seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2), "binary tree");
	while (fgets(line, sizeof line, stdin))
		add(filter, line);
	check(seccomp_export_bpf(filter, STDOUT_FILENO), "export");
	return 0;
}
