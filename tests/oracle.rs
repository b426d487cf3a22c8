//! An independent reader of the specification's types, `oci-spec`, reads the golden configurations
//! too: both must see the same.

use std::fs;
use std::path::Path;

use onggi::spec::Spec;
use serde_json::Value;

/// What says nothing is left out, since one reader keeps absent fields and the other does not.
fn told(value: Value) -> Option<Value> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Number(number) if number.as_i64() == Some(0) => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(list) => {
            let list: Vec<_> =
                list.into_iter().map(|value| told(value).unwrap_or_default()).collect();
            (!list.is_empty()).then_some(Value::Array(list))
        }
        Value::Object(fields) => {
            let fields = fields.into_iter().filter_map(|(key, value)| Some((key, told(value)?)));
            let fields: serde_json::Map<_, _> = fields.collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        other => Some(other),
    }
}

/// Both orders of what is a set of names to one reader and a list to the other.
fn sort_capabilities(spec: &mut Value) {
    let Some(sets) = spec.pointer_mut("/process/capabilities").and_then(Value::as_object_mut)
    else {
        return;
    };
    for set in sets.values_mut().filter_map(Value::as_array_mut) {
        set.sort_by_key(ToString::to_string);
    }
}

#[test]
fn both_readers_see_the_same_in_every_golden_configuration() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases = 0;
    for case in fs::read_dir(root).unwrap() {
        let case = case.unwrap().path();
        let text = fs::read(case.join("config.json")).unwrap();
        let ours = serde_json::to_value(Spec::read(&text).unwrap()).unwrap();
        let theirs: oci_spec::runtime::Spec = serde_json::from_slice(&text).unwrap();
        let theirs = serde_json::to_value(theirs).unwrap();
        let [ours, theirs] = [ours, theirs].map(|spec| {
            let mut spec = told(spec).unwrap();
            sort_capabilities(&mut spec);
            spec
        });
        for (field, value) in theirs.as_object().unwrap() {
            assert_eq!(ours.get(field), Some(value), "{case:?}: {field}");
        }
        assert_eq!(ours, theirs, "{case:?}");
        cases += 1;
    }
    assert!(cases >= 10);
}
