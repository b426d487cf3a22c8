//! sysctl, names, the memory policy and network devices.

use serde_json::json;
use spec_tests::holder::Holder;
use spec_tests::{Bundle, Container, Result, chapter, host, tests};

tests![
    network_sysctls_are_set,
    ipc_sysctls_are_set,
    a_sysctl_may_be_written_with_slashes,
    the_domainname_may_be_a_sysctl,
    sysctls_are_set_where_proc_sys_is_read_only,
    a_sysctl_value_that_the_kernel_refuses_fails,
    the_hostname_is_set,
    the_hostname_may_be_long,
    the_domainname_is_set,
    the_hosts_names_are_untouched,
    the_memory_policy_is_set,
    a_network_device_is_moved,
    a_network_device_is_renamed,
    a_moved_network_device_keeps_its_address,
    a_network_device_that_is_not_there_is_refused,
];

fn sysctl(script: &str, name: &str, value: &str) -> Bundle {
    let map = json!({ name: value });
    Bundle::busybox().sh(script).set("/linux/sysctl", map)
}

fn network_sysctls_are_set() -> Result {
    chapter!("config-linux.md#sysctl");
    let script = "cat /proc/sys/net/ipv4/ip_forward";
    sysctl(script, "net.ipv4.ip_forward", "1").run()?.says("1")?;
    Ok(())
}

fn ipc_sysctls_are_set() -> Result {
    chapter!("config-linux.md#sysctl");
    let map =
        json!({"kernel.msgmax": "65537", "fs.mqueue.queues_max": "33", "kernel.shmmni": "99"});
    let script = "cd /proc/sys; cat kernel/msgmax fs/mqueue/queues_max kernel/shmmni";
    let output = Bundle::busybox().sh(script).set("/linux/sysctl", map).run()?.ok()?;
    assert_eq!(output.lines(), ["65537", "33", "99"]);
    Ok(())
}

fn a_sysctl_may_be_written_with_slashes() -> Result {
    chapter!("cli#create");
    let script = "cat /proc/sys/net/ipv4/conf/lo/forwarding";
    sysctl(script, "net/ipv4/conf/lo/forwarding", "1").run()?.says("1")?;
    Ok(())
}

fn the_domainname_may_be_a_sysctl() -> Result {
    chapter!("cli#create");
    let script = "cat /proc/sys/kernel/domainname";
    sysctl(script, "kernel.domainname", "example.org").run()?.says("example.org")?;
    Ok(())
}

fn sysctls_are_set_where_proc_sys_is_read_only() -> Result {
    chapter!("cli#create");
    let script = "cat /proc/sys/net/ipv4/ip_forward; \
                  (echo 0 > /proc/sys/net/ipv4/ip_forward) 2>/dev/null || echo read-only";
    let output = sysctl(script, "net.ipv4.ip_forward", "1").run()?.ok()?;
    assert_eq!(output.lines(), ["1", "read-only"]);
    Ok(())
}

fn a_sysctl_value_that_the_kernel_refuses_fails() -> Result {
    chapter!("config-linux.md#sysctl");
    sysctl("true", "net.ipv4.ip_forward", "many").is_refused("")
}

fn the_hostname_is_set() -> Result {
    chapter!("config.md#hostname");
    let bundle =
        Bundle::busybox().sh("hostname; cat /proc/sys/kernel/hostname").set("/hostname", "a.b-c");
    assert_eq!(bundle.run()?.ok()?.lines(), ["a.b-c", "a.b-c"]);
    Ok(())
}

fn the_hostname_may_be_long() -> Result {
    chapter!("config.md#hostname");
    let name = "h".repeat(64);
    let bundle = Bundle::busybox().args(["hostname"]);
    bundle.set("/hostname", name.as_str()).run()?.says(&name)?;
    Bundle::busybox().set("/hostname", "h".repeat(65)).is_refused("")
}

fn the_domainname_is_set() -> Result {
    chapter!("config.md#domainname");
    let bundle = Bundle::busybox().sh("cat /proc/sys/kernel/domainname");
    bundle.set("/domainname", "example.org").run()?.says("example.org")?;
    Ok(())
}

fn the_hosts_names_are_untouched() -> Result {
    chapter!("config.md#hostname");
    let read = || -> Result<String> {
        let names = ["hostname", "domainname"];
        let path = |name: &str| format!("/proc/sys/kernel/{name}");
        let texts = names.map(|name| std::fs::read_to_string(path(name)));
        Ok(texts.into_iter().collect::<std::io::Result<String>>()?)
    };
    let before = read()?;
    Bundle::busybox().set("/domainname", "example.org").run()?.ok()?;
    assert_eq!(read()?, before);
    Ok(())
}

fn the_memory_policy_is_set() -> Result {
    chapter!("config-linux.md#memory-policy");
    let there = std::path::Path::new("/proc/self/numa_maps").exists();
    host::needs(there, "needs a kernel with memory policies")?;
    let policy = json!({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]});
    let bundle =
        Bundle::busybox().sh("cat /proc/self/numa_maps").set("/linux/memoryPolicy", policy);
    let output = bundle.run()?.ok()?;
    assert!(output.stdout.contains(" bind=static:0 "), "{output}");
    Ok(())
}

/// Creates the container from a network namespace with a device `spec0` of 192.0.2.7. That
/// namespace has to stay: it has the other end of the pair.
fn with_device(bundle: Bundle) -> Result<(Container, Holder)> {
    host::program("ip")?;
    let holder = Holder::new(&["--net"])?;
    let container = bundle.sleeping().build()?;
    let script = "ip link add spec0 type veth peer name spec1 || exit 99; \
                  ip addr add 192.0.2.7/24 dev spec0; ip link set spec0 up; exec \"$@\"";
    let call = container.create_call().arg(container.id());
    let net = format!("--net={}", holder.namespace("net"));
    let output = call.under(["nsenter", &net, "sh", "-c", script, "sh"]).run();
    host::needs(output.code() != Some(99), "needs veth devices")?;
    output.ok()?;
    container.start().ok()?;
    Ok((container, holder))
}

fn a_network_device_is_moved() -> Result {
    chapter!("config-linux.md#network-devices");
    let devices = json!({"spec0": {}});
    let (container, _holder) = with_device(Bundle::busybox().set("/linux/netDevices", devices))?;
    let output = container.exec_sh("cat /sys/class/net/spec0/flags").ok()?;
    let flags = u32::from_str_radix(output.stdout.trim().trim_start_matches("0x"), 16)?;
    assert_eq!(flags & 1, 1, "the device is up");
    Ok(())
}

fn a_network_device_is_renamed() -> Result {
    chapter!("config-linux.md#network-devices");
    let devices = json!({"spec0": {"name": "eth7"}});
    let (container, _holder) = with_device(Bundle::busybox().set("/linux/netDevices", devices))?;
    let output = container.exec_sh("ls /sys/class/net").ok()?;
    assert!(output.lines().contains(&"eth7"), "{output}");
    assert!(!output.lines().contains(&"spec0"), "{output}");
    Ok(())
}

fn a_moved_network_device_keeps_its_address() -> Result {
    chapter!("config-linux.md#network-devices");
    let devices = json!({"spec0": {"name": "eth7"}});
    let (container, _holder) = with_device(Bundle::busybox().set("/linux/netDevices", devices))?;
    let output = container.exec_sh("ip -4 addr show dev eth7").ok()?;
    assert!(output.stdout.contains("inet 192.0.2.7/24"), "{output}");
    Ok(())
}

fn a_network_device_that_is_not_there_is_refused() -> Result {
    chapter!("config-linux.md#network-devices");
    Bundle::busybox().set("/linux/netDevices", json!({"spec-none0": {}})).is_refused("")
}
