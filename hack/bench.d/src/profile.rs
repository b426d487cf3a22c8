//! Docker's default seccomp profile of 2026, as rules.
use serde_json::{Value, json};

/// Calls that are allowed whatever their arguments are.
const ALLOWED: &str = include_str!("../allowed-syscalls.txt");
/// Allowed because the kernel is newer than 4.8, or because of the machine.
const ALLOWED_HERE: &[&str] = &["process_vm_readv", "process_vm_writev", "ptrace", "chroot"];
const ALLOWED_X86: &[&str] = &["arch_prctl", "modify_ldt"];
/// The flags of clone that make a namespace.
const NEW_NAMESPACES: u64 = 0x7e02_0000;
const ENOSYS: u32 = 38;

/// What must hold of one argument: its index, the comparison, one or two values.
pub struct Condition {
    operator: Operator,
    value: u64,
}

#[derive(Clone, Copy)]
enum Operator {
    Less,
    Equal,
    Greater,
    /// The bits of the value are all zero in the argument.
    NoneOf,
}

/// Calls that are answered alike.
pub struct Rule {
    names: Vec<&'static str>,
    /// The error to answer with; none: allowed.
    errno: Option<u32>,
    /// About the first argument.
    condition: Option<Condition>,
}

fn allow(names: Vec<&'static str>) -> Rule {
    Rule {
        names,
        errno: None,
        condition: None,
    }
}

fn allow_when(name: &'static str, operator: Operator, value: u64) -> Rule {
    Rule {
        condition: Some(Condition { operator, value }),
        ..allow(vec![name])
    }
}

/// The profile's rules, in docker's order.
pub fn rules() -> Vec<Rule> {
    let mut rules = vec![allow(ALLOWED.split_whitespace().collect())];
    rules.push(allow(ALLOWED_HERE.to_vec()));
    if cfg!(target_arch = "x86_64") {
        rules.push(allow(ALLOWED_X86.to_vec()));
    }
    // Every address family but AF_ALG (38) and AF_VSOCK (40).
    rules.push(allow_when("socket", Operator::Less, 38));
    rules.push(allow_when("socket", Operator::Equal, 39));
    rules.push(allow_when("socket", Operator::Greater, 40));
    for persona in [0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff] {
        rules.push(allow_when("personality", Operator::Equal, persona));
    }
    rules.push(allow_when("clone", Operator::NoneOf, NEW_NAMESPACES));
    rules.push(Rule {
        errno: Some(ENOSYS),
        ..allow(vec!["clone3"])
    });
    rules
}

impl Condition {
    fn to_json(&self) -> Value {
        match self.operator {
            Operator::Less => json!({"index": 0, "value": self.value, "op": "SCMP_CMP_LT"}),
            Operator::Equal => json!({"index": 0, "value": self.value, "op": "SCMP_CMP_EQ"}),
            Operator::Greater => json!({"index": 0, "value": self.value, "op": "SCMP_CMP_GT"}),
            Operator::NoneOf => json!({
                "index": 0, "value": self.value, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"
            }),
        }
    }

    fn to_line(&self) -> String {
        let value = self.value;
        match self.operator {
            Operator::Less => format!(" 0 < {value}"),
            Operator::Equal => format!(" 0 = {value}"),
            Operator::Greater => format!(" 0 > {value}"),
            Operator::NoneOf => format!(" 0 & {value} 0"),
        }
    }
}

impl Rule {
    fn to_json(&self) -> Value {
        let mut rule = match self.errno {
            None => json!({"names": self.names, "action": "SCMP_ACT_ALLOW"}),
            Some(errno) => {
                json!({"names": self.names, "action": "SCMP_ACT_ERRNO", "errnoRet": errno})
            }
        };
        if let Some(condition) = &self.condition {
            rule["args"] = json!([condition.to_json()]);
        }
        rule
    }
}

/// `linux.seccomp` of a config.json.
pub fn to_json() -> Value {
    let architectures = if cfg!(target_arch = "x86_64") {
        json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"])
    } else {
        json!(["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"])
    };
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "architectures": architectures,
        "syscalls": rules().iter().map(Rule::to_json).collect::<Vec<_>>(),
    })
}

/// The same rules as `filter.c` reads them.
pub fn to_lines() -> String {
    let mut lines = String::new();
    for rule in rules() {
        let verb = rule
            .errno
            .map_or("allow".to_owned(), |errno| format!("errno {errno}"));
        let condition = rule
            .condition
            .as_ref()
            .map_or(String::new(), Condition::to_line);
        for name in &rule.names {
            lines.push_str(&format!("{verb} {name}{condition}\n"));
        }
    }
    lines
}
