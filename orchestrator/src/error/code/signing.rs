//! Which exit code failures to sign have.

use super::{artifact_code, client_code, toolchain_code};
use crate::code_sign::CodeSignError;
use crate::error::ExitCode;
use crate::sign::SignError;
use process::ProcessError;

/// Of the operating systems' own signatures.
pub(super) fn code_sign_code(error: &CodeSignError) -> ExitCode {
    match error {
        CodeSignError::Required(_)
        | CodeSignError::NotBase64 { .. }
        | CodeSignError::Credential { .. }
        | CodeSignError::Tool { .. }
        | CodeSignError::Answer { .. }
        | CodeSignError::Unchanged { .. }
        | CodeSignError::NotAccepted { .. } => ExitCode::Signing,
        CodeSignError::Env(_) => ExitCode::Usage,
        CodeSignError::Missing { .. } => ExitCode::Tool,
        CodeSignError::Process { source, .. } => signing_tool_code(source),
        CodeSignError::Temporary(error) => toolchain_code(error),
        CodeSignError::Busy { .. } | CodeSignError::Random(_) | CodeSignError::Io { .. } => {
            ExitCode::Machine
        }
    }
}

/// Of a tool that was to sign.
fn signing_tool_code(error: &ProcessError) -> ExitCode {
    match error {
        ProcessError::Interrupted { .. } => ExitCode::Interrupted,
        ProcessError::NotFound { .. } | ProcessError::Spawn { .. } => ExitCode::Tool,
        ProcessError::Failed { .. } | ProcessError::TimedOut { .. } | ProcessError::Io { .. } => {
            ExitCode::Signing
        }
    }
}

/// Of signatures.
pub(super) fn sign_code(error: &SignError) -> ExitCode {
    match error {
        SignError::NoKey
        | SignError::KeyNeeded { .. }
        | SignError::KeyFile { .. }
        | SignError::Key(_)
        | SignError::KeyNoFile { .. }
        | SignError::NeitherKeyNorFile
        | SignError::OtherKey { .. }
        | SignError::Sign { .. }
        | SignError::Unsigned { .. }
        | SignError::NotGood { .. }
        | SignError::NoPublicKey { .. }
        | SignError::Generate(_) => ExitCode::Signing,
        SignError::Env(_)
        | SignError::PublicKey(_)
        | SignError::NoFolder { .. }
        | SignError::Taken { .. }
        | SignError::SignatureName { .. }
        | SignError::Exists { .. } => ExitCode::Usage,
        SignError::NoTauri { .. } => ExitCode::Tool,
        SignError::Tauri { source, .. } => signing_tool_code(source),
        // The first three are told as what they are.
        SignError::Dist(_)
        | SignError::Manifests(_)
        | SignError::Products(_)
        | SignError::Lock(_)
        | SignError::Io { .. } => ExitCode::Machine,
        SignError::Artifacts(error) => artifact_code(error),
        SignError::Client(error) => client_code(error),
        SignError::Interrupted => ExitCode::Interrupted,
    }
}
