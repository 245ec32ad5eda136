//! A plan as a person reads it.

use super::{Plan, shortened};
use release_types::Os;
use std::fmt;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "release   {} on channel {}", self.tag, self.channel)?;
        writeln!(f, "commit    {}", self.commit)?;
        if !self.dirty.is_empty() {
            writeln!(f, "          differs: {}", shortened(&self.dirty))?;
        }
        writeln!(f, "target    {} ({})", self.target, self.platform)?;
        writeln!(f, "toolchain {}", self.rustc)?;
        for tool in &self.tools {
            let path = tool.path.as_ref().map(|p| p.display().to_string());
            let note = tool.note.unwrap_or_default();
            writeln!(f, "  {:<9}{}", tool.name, path.as_deref().unwrap_or(note))?;
            for command in &tool.install {
                writeln!(f, "             {command}")?;
            }
        }
        writeln!(f, "products")?;
        for p in &self.products {
            writeln!(
                f,
                "  {:<9}package {}, binary {}",
                p.product, p.package, p.bin
            )?;
            for (filename, key) in p.files() {
                writeln!(f, "           file {filename}")?;
                writeln!(f, "           key  {key}")?;
            }
        }
        writeln!(f, "environment")?;
        for (name, value) in &self.environment {
            writeln!(f, "  {name}={value}")?;
        }
        writeln!(f, "rustc flags for the target")?;
        writeln!(f, "  {}", self.rustc_flags.join(" "))?;
        writeln!(f, "command   (one cargo pass)")?;
        writeln!(f, "  {}", self.command.join(" "))?;
        write!(f, "staging   {}", self.staging.display())?;
        if let Some(key) = &self.signed_by.public_key {
            write!(f, "\nsigning   for the public key {}", key.id())?;
        }
        write!(f, "\nsigning   {}", self.signing)?;
        let code = &self.signed_by.code;
        match (self.platform.os, &code.windows, &code.macos) {
            (Os::Windows, Some(windows), _) => {
                write!(
                    f,
                    "\ncode      signed by signtool, with the time of {}",
                    windows.timestamp_url
                )?;
            }
            (Os::Macos, _, Some(macos)) => {
                let notary = if macos.notarize {
                    " and shown to Apple's notary"
                } else {
                    ""
                };
                write!(f, "\ncode      signed by codesign{notary}")?;
            }
            (Os::Linux | Os::Windows | Os::Macos, _, _) => {}
        }
        if !self.calls.is_empty() {
            write!(
                f,
                "\nhub       {}",
                self.hub.as_deref().unwrap_or("not named")
            )?;
        }
        for call in &self.calls {
            write!(f, "\n  {:<5}{}  ({})", call.method, call.path, call.purpose)?;
        }
        Ok(())
    }
}
