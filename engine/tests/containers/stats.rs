//! What containers use, as it is told.

use serde_json::Value;

use super::setting::Dok;

const NONE: &str = "--network=none";

fn percent(cell: &Value) -> f64 {
    cell.as_str().unwrap().strip_suffix('%').unwrap().parse().unwrap()
}

#[test]
fn what_a_container_uses_is_told_in_dockers_columns() {
    let Some(dok) = Dok::new() else { return };
    let busy = ["run", "-d", NONE, "--name", "busy", "-m", "64m", "busybox", "sh", "-c"];
    dok.ok(&[&busy[..], &["while :; do :; done"]].concat());
    let id = dok.ok(&["run", "-d", NONE, "--name", "idle", "busybox", "sleep", "86400"]);
    dok.ok(&["create", NONE, "--name", "new", "busybox", "true"]);
    let table = dok.ok(&["stats", "--no-stream"]);
    let heads: Vec<&str> = table.lines().next().unwrap().split("  ").collect();
    let heads: Vec<&str> = heads.iter().map(|head| head.trim()).filter(|h| !h.is_empty()).collect();
    let expected = [
        "CONTAINER ID",
        "NAME",
        "CPU %",
        "MEM USAGE / LIMIT",
        "MEM %",
        "NET I/O",
        "BLOCK I/O",
        "PIDS",
    ];
    assert_eq!(heads, expected, "{table}");
    assert_eq!(table.lines().count(), 3, "those that run: {table}");
    let json = dok.ok(&["container", "stats", "--no-stream", "--format", "json", "busy", "idle"]);
    let rows: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (busy, idle) = (&rows[0], &rows[1]);
    // How much it gets is for the machine to say.
    assert!(percent(&busy["CPUPerc"]) > 0.0, "{busy}");
    assert!(percent(&idle["CPUPerc"]) < percent(&busy["CPUPerc"]), "{rows:?}");
    assert!(busy["MemUsage"].as_str().unwrap().ends_with(" / 64MiB"), "{busy}");
    assert_eq!((&busy["PIDs"], &busy["Container"]), (&"1".into(), &"busy".into()));
    assert_eq!(idle["ID"], id[..12]);
    let whole = ["stats", "--no-stream", "--no-trunc", "--format", "{{.ID}} {{.NetIO}}", "idle"];
    assert_eq!(dok.ok(&whole), format!("{} 0B / 0B\n", id.trim()));
    let all = dok.ok(&["stats", "-a", "--no-stream", "--format", "{{.Name}} {{.PIDs}}"]);
    assert_eq!(all, "new 0\nidle 1\nbusy 1\n");
    let ghost = dok.dok(&["stats", "--no-stream", "ghost"]);
    assert_eq!(ghost.err, "Error response from daemon: No such container: ghost\n");
}
