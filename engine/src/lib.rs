//! The engine's rooms, to be filled: `cli` and `api` (two doors) over `service` (the verbs) over
//! `registry`, `store`, `layer`, `bundle`, `monitor`, `network`, `runtime` over `image` (data).
