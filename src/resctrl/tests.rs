//! On a directory tree that looks like resctrl: what the kernel does beyond files and directories
//! (it fills a new group, and refuses schemata) is not seen here.

use super::*;

struct Tree(PathBuf);

impl Tree {
    fn new(name: &str) -> Tree {
        let path = std::env::temp_dir().join(format!("onggi-rdt-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("gold/mon_groups")).unwrap();
        fs::create_dir_all(path.join("info/L3")).unwrap();
        fs::write(path.join("gold/schemata"), "    L3:0=0ff;1=f\n    MB:0= 50\n").unwrap();
        fs::write(path.join("schemata"), "    L3:0=fff;1=fff\n").unwrap();
        for (file, text) in [("cbm_mask", "fff\n"), ("min_cbm_bits", "2\n"), ("num_closids", "16")]
        {
            fs::write(path.join("info/L3").join(file), text).unwrap();
        }
        Tree(path)
    }

    fn plan(&self, group: &str, class: RdtClass, lines: &[&str]) -> Rdt {
        let schemata = lines.iter().map(|line| (*line).to_owned()).collect();
        Rdt { group: self.0.join(group), class, schemata, monitor: None }
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn an_own_class_is_made_entered_and_removed_once_nobody_is_inside() {
    let tree = Tree::new("own");
    let plan = tree.plan("web", RdtClass::Own, &["L3:0=f", "MB:0=20"]);
    let saved = Saved::planned(&plan);
    assert!(saved.made && !plan.group.exists());
    saved.make(&plan).unwrap().keep();
    assert_eq!(tree.read("web/schemata"), "L3:0=f\nMB:0=20\n");
    saved.assign(42).unwrap();
    assert_eq!(tree.read("web/tasks"), "42");
    saved.remove().unwrap();
    assert!(plan.group.exists(), "somebody is inside");
    for file in ["tasks", "schemata"] {
        fs::remove_file(plan.group.join(file)).unwrap();
    }
    saved.remove().unwrap();
    assert!(!plan.group.exists());
    saved.remove().unwrap();
}

#[test]
fn a_class_that_was_there_is_compared_entered_and_left() {
    let tree = Tree::new("named");
    for class in [RdtClass::Named, RdtClass::Existing] {
        let mut plan = tree.plan("gold", class, &["L3:0=ff"]);
        plan.monitor = Some(plan.group.join("mon_groups/web"));
        let saved = Saved::planned(&plan);
        assert!(!saved.made);
        saved.make(&plan).unwrap().keep();
        assert!(tree.0.join("gold/mon_groups/web").is_dir());
        assert!(tree.read("gold/schemata").contains("0ff"), "is not written to");
        saved.remove().unwrap();
        assert!(!tree.0.join("gold/mon_groups/web").exists());
        assert!(plan.group.exists());
    }
}

#[test]
fn a_class_with_other_schemata_and_one_that_is_missing_are_refused() {
    let tree = Tree::new("refused");
    for (plan, words) in [
        (tree.plan("gold", RdtClass::Named, &["L3:0=f"]), "has other schemata than \"L3:0=f\""),
        (tree.plan("gold", RdtClass::Existing, &["L2:0=f"]), "has other schemata"),
        (tree.plan("none", RdtClass::Existing, &[]), "closID: there is no class"),
    ] {
        let error = Saved::planned(&plan).make(&plan).unwrap_err().to_string();
        assert!(error.starts_with("linux.intelRdt") && error.contains(words), "{error}");
    }
    assert!(!tree.0.join("none").exists());
}

#[test]
fn what_is_not_kept_is_gone() {
    let tree = Tree::new("undone");
    let plan = tree.plan("web", RdtClass::Own, &[]);
    drop(Saved::planned(&plan).make(&plan).unwrap());
    assert!(!plan.group.exists());
}

#[test]
fn a_monitoring_group_that_cannot_be_made_leaves_no_class() {
    let tree = Tree::new("half");
    let mut plan = tree.plan("web", RdtClass::Own, &[]);
    // A new group of a kernel without monitoring has no such directory.
    plan.monitor = Some(plan.group.join("mon_groups/web"));
    let error = Saved::planned(&plan).make(&plan).unwrap_err().to_string();
    assert!(error.starts_with("linux.intelRdt.enableMonitoring: make"), "{error}");
    assert!(!plan.group.exists());
}

#[test]
fn the_kernels_own_words_explain_an_error() {
    let tree = Tree::new("explained");
    fs::write(tree.0.join("info/last_cmd_status"), "mask 0x5 has non-consecutive 1-bits\n")
        .unwrap();
    let plan = tree.plan("gold", RdtClass::Named, &[]);
    let words = Saved::planned(&plan).explain(std::io::Error::from_raw_os_error(libc::EINVAL));
    assert!(words.to_string().ends_with("non-consecutive 1-bits"), "{words}");
    assert_eq!(words.errno(), Some(libc::EINVAL));
}

#[test]
fn the_numbers_are_those_of_the_group_that_counts() {
    let tree = Tree::new("stats");
    let plan = tree.plan("gold", RdtClass::Named, &[]);
    let data = plan.group.join("mon_data");
    for (cache, bytes) in [("mon_L3_01", "7\n"), ("mon_L3_00", "5\n")] {
        fs::create_dir_all(data.join(cache)).unwrap();
        fs::write(data.join(cache).join("llc_occupancy"), bytes).unwrap();
    }
    let stats = serde_json::to_value(Saved::planned(&plan).stats(&tree.0)).unwrap();
    let expected = serde_json::json!({
        "l3_cache_info": {"cbm_mask": "fff", "min_cbm_bits": 2, "num_closids": 16},
        "l3_cache_schema_root": "L3:0=fff;1=fff",
        "l3_cache_schema": "L3:0=0ff;1=f",
        "mem_bw_schema": "MB:0= 50",
        "schemata": ["L3:0=0ff;1=f", "MB:0= 50"],
        "cmt_stats": [{"llc_occupancy": 5}, {"llc_occupancy": 7}],
    });
    assert_eq!(stats, expected);
}
