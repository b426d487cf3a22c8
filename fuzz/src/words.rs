//! What is typed: templates, filters, ports, times.

use std::sync::OnceLock;

use onggi_engine::network::ports;
use onggi_engine::service::filters::{Filters, fits_pattern, truth, until};
use onggi_engine::template::Template;
use onggi_engine::time::{Time, instant, parse_duration};
use serde_json::{Value, json};

/// No template of a person is longer (bytes).
const LONGEST: usize = 256;

/// Each `range` multiplies what the others print: there may be a few of them, and no large
/// number to go through.
fn ends_soon(template: &str) -> bool {
    let ranges = template.matches("range").count();
    let digits = template.matches(|c: char| c.is_ascii_digit()).count();
    let has_large_numbers = digits > 1 || template.contains('\'') || template.contains("len");
    template.len() <= LONGEST && (ranges == 0 || (ranges <= 4 && !has_large_numbers))
}

fn object() -> &'static Value {
    static OBJECT: OnceLock<Value> = OnceLock::new();
    OBJECT.get_or_init(|| {
        json!({
            "Name": "web", "Count": 3, "Up": true, "Labels": {"a": "1"}, "Tags": ["x", "y"],
            "Net": {"IPAM": {"Config": [{"Subnet": "10.0.0.0/8"}]}}, "None": null,
        })
    })
}

/// A template of `--format`.
pub(crate) fn template(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(template) = Template::parse(&text)
        && ends_soon(&text)
    {
        let first = template.render(object()).map_err(|error| error.to_string());
        assert_eq!(template.render(object()).map_err(|error| error.to_string()), first);
    }
}

/// Ports, times, durations and values of filters.
pub(crate) fn words(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(published) = ports::parse(&text) {
        assert!(!published.is_empty() && published.len() <= 65_536);
    }
    if let Ok(time) = text.parse::<Time>() {
        let shown = time.to_string();
        assert_eq!(shown.parse::<Time>().map(|again| again.to_string()), Ok(shown));
    }
    let _ = parse_duration(&text);
    let _ = instant(&text);
    let filters: Filters = [("until".to_owned(), vec![text.clone().into_owned()])].into();
    let _ = (until(&filters), truth(&filters, "until"));
    if text.len() <= LONGEST {
        let _ = fits_pattern(&[text.into_owned()], "web-1.example");
    }
}
