//! What to do about a release that is not what it has to be, or is not there.

use crate::receipt::Against;
use crate::verify::VerifyError;

/// What to do about it, but for a Hub that cannot be asked.
pub(super) fn of_verification(error: &VerifyError) -> Option<String> {
    Some(match error {
        VerifyError::NotFound { .. } => {
            "check the version, --channel, the product, and which Hub it is (--hub-url; with --local, --state-dir); else nobody has published it".to_owned()
        }
        VerifyError::Differences {
            against: Against::Listed,
            ..
        } => "the Hub contradicts itself, or lacks what it should have: whoever has built the release can compare with it (verify --against) and publish it again".to_owned(),
        // Nothing else is wrong than that.
        VerifyError::Differences { list, damaged, .. } if list.len() == damaged.len() => {
            "the Hub's storage has lost or damaged what it lists: `atlas-release publish` sends it again; where that has not helped, look at the Hub's disk or bucket".to_owned()
        }
        VerifyError::Differences { .. } => {
            "compare dist/ with receipt.json and with the Hub: one of them is of another build"
                .to_owned()
        }
        VerifyError::Client(_) => return None,
    })
}
