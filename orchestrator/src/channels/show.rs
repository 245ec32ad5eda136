//! The reports as people read them.

use super::report::{How, Offered, Promotion, Rollback, RolledBack, Yank};
use release_types::{Platform, ProductName};
use std::fmt;

impl fmt::Display for Promotion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.products.iter().map(ProductName::as_str).collect();
        writeln!(
            f,
            "promoted  {} {} from {} to {}, verified {}",
            names.join(", "),
            self.version,
            self.from,
            self.to,
            self.verified_at
        )?;
        writeln!(f, "hub       {}", self.hub)?;
        let latest = match self.latest {
            true => "this version",
            false => "another version",
        };
        write!(f, "latest    {latest}")?;
        for promoted in &self.assets {
            let asset = &promoted.asset;
            let unchanged = match promoted.unchanged {
                true => ", unchanged",
                false => "",
            };
            write!(
                f,
                "\n  {:<9}{} {} ({} bytes{unchanged})\n           sha256 {}\n           {}",
                asset.product, asset.platform, asset.filename, asset.size, asset.sha256, asset.url
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Yank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.undone {
            true => "offered  ",
            false => "yanked   ",
        };
        write!(f, "{what} {} on channel {}", self.version, self.channel)?;
        if let Some(reason) = &self.reason {
            write!(f, ": {reason}")?;
        }
        write!(f, "\nhub       {}", self.hub)?;
        for one in &self.products {
            let unchanged = match one.unchanged {
                true => ", as before",
                false => "",
            };
            write!(f, "\n  {:<9}latest is {}", one.product, offers(&one.latest))?;
            f.write_str(unchanged)?;
        }
        Ok(())
    }
}

impl fmt::Display for Rollback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.by {
            How::Hub => "by taking back what is newer",
            How::Publishing => "by publishing again",
        };
        writeln!(
            f,
            "rollback  of channel {}, {how}, verified {}",
            self.channel, self.verified_at
        )?;
        write!(f, "hub       {}", self.hub)?;
        for one in &self.products {
            write!(f, "\n  {:<9}{}", one.product, line(one))?;
        }
        Ok(())
    }
}

fn line(one: &RolledBack) -> String {
    let platforms: Vec<String> = one.platforms.iter().map(Platform::to_string).collect();
    let mut text = format!("{} for {}", one.version, platforms.join(", "));
    match &one.before {
        _ if one.unchanged => text += ", unchanged",
        Some(before) => text += &format!(", was {before}"),
        None => {}
    }
    if !one.yanked.is_empty() {
        text += &format!("; taken back: {}", one.yanked.join(", "));
    }
    if !one.lacking.is_empty() {
        text += &format!("; without it: {}", offers(&one.lacking));
    }
    text
}

/// What platforms are offered, in a sentence.
pub(super) fn offers(offered: &[Offered]) -> String {
    let of = |one: &Offered| {
        let version = one.version.as_deref().unwrap_or("nothing");
        format!("{version} for {}", one.platform)
    };
    let texts: Vec<String> = offered.iter().map(of).collect();
    texts.join(", ")
}
