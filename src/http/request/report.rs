//! The body of a host's report.

use crate::name::free_text;
use crate::service::{FieldError, RequestError};
use crate::wire::HostReport;

/// Checks every text of a report.
///
/// # Errors
/// [`RequestError::Fields`] with every invalid field, `faults` of the decoding included.
pub(in crate::http) fn judge_report(
    report: HostReport,
    mut faults: Vec<FieldError>,
) -> Result<HostReport, RequestError> {
    let HostReport { hostname, os, arch, version, label } = &report;
    let texts = [("hostname", hostname), ("os", os), ("arch", arch), ("version", version), ("label", label)];
    for (field, text) in texts {
        if let Some(Err(error)) = text.as_deref().map(|text| free_text(field, text)) {
            faults.push(FieldError::of(field, &error));
        }
    }
    RequestError::refuse(faults)?;
    Ok(report)
}
