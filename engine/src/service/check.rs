//! Whether the store is whole.

use crate::error::Result;
use crate::network::check::Remedy;
use crate::service::Engine;
use crate::store::check::Problem;

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// What is damaged or missing.
    pub problems: Vec<Problem>,
    /// The bytes that nobody needs, or needed until they were removed.
    pub garbage: u64,
    /// What killed commands and monitors left of containers and networks, for people.
    pub leftovers: Vec<String>,
}

impl Engine {
    /// Looks at every image; `thorough` also reads every blob. With `repair`, a layer that is
    /// missing is unpacked again, an image that cannot be made whole is taken away, and what nobody
    /// needs or a killed command left is removed.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn check(&self, thorough: bool, repair: bool) -> Result<Checked> {
        let busy = self.store.busy()?;
        let mut problems = Vec::new();
        for problem in self.store.problems(thorough)? {
            let repaired = repair && self.repair(&problem)?;
            problems.push(Problem { repaired, ..problem });
        }
        drop(busy);
        let remedy = if repair { Remedy::Remove } else { Remedy::Tell };
        let leftovers = self.leftovers(remedy)?;
        let garbage: u64 = self.store.garbage()?.iter().map(|found| found.bytes).sum();
        if repair {
            self.store.collect()?;
        }
        Ok(Checked { problems, garbage, leftovers })
    }

    fn repair(&self, problem: &Problem) -> Result<bool> {
        if let Some((layer, diff_id)) = &problem.layer {
            return Ok(super::image::install(&self.store, layer, diff_id).is_ok());
        }
        if let Some(name) = &problem.name {
            return self.store.remove_reference(name);
        }
        if let Some(blob) = &problem.blob {
            // An image that is fetched again fetches what is missing alone.
            std::fs::remove_file(self.store.blob_path(blob))?;
        }
        match &problem.image {
            Some(image) => self.store.remove_image_record(image),
            None => Ok(true),
        }
    }
}
