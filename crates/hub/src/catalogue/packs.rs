//! Packs, their members and their builds.

use super::database::{Tx, query, query_scalar};
use super::users::user_name;
use super::{Catalogue, audit, objects, parse, parse_time, stamp, uploads};
use crate::HubError;
use jiff::Timestamp;
use release_types::{
    CompletedBuild, MemberRole, ObjectKey, PackBuild, PackChannel, PackChannelBuild, PackId,
};

/// A build that is to be completed.
#[derive(Debug, Clone)]
pub(crate) struct Completion {
    pub(crate) pack: PackId,
    pub(crate) build_id: String,
    pub(crate) key: ObjectKey,
    pub(crate) version: String,
    pub(crate) channel: PackChannel,
    pub(crate) commit_hash: Option<String>,
    pub(crate) commit_message: Option<String>,
    /// How long its automation believes it to be.
    pub(crate) size: Option<u64>,
}

/// What came of a completion.
#[derive(Debug)]
pub(crate) enum Completed {
    /// The build is complete, and its channel has it.
    Done(Box<CompletedBuild>),
    /// Nothing has changed.
    Conflict(String),
}

impl Catalogue {
    /// Adds a pack. Whether it is new.
    pub(crate) async fn add_pack(&self, pack: &PackId, now: Timestamp) -> Result<bool, HubError> {
        let mut tx = self.write().await?;
        let done =
            query("INSERT INTO packs (id, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(pack.as_str())
                .bind(stamp(now))
                .execute(&mut tx)
                .await?;
        let added = done == 1;
        if added {
            audit::note(&mut tx, "pack.add", pack.as_str(), now).await?;
        }
        tx.commit().await?;
        Ok(added)
    }

    /// All packs, by id.
    pub(crate) async fn packs(&self) -> Result<Vec<PackId>, HubError> {
        let ids: Vec<String> = query_scalar("SELECT id FROM packs ORDER BY id")
            .fetch_all(&self.readers)
            .await?;
        ids.iter().map(|id| parse("pack", id)).collect()
    }

    /// Whether there is such a pack.
    pub(crate) async fn has_pack(&self, pack: &PackId) -> Result<bool, HubError> {
        query("SELECT 1 FROM packs WHERE id = $1")
            .bind(pack.as_str())
            .exists(&self.readers)
            .await
    }

    /// What a user is to a pack.
    pub(crate) async fn member_role(
        &self,
        pack: &PackId,
        user_id: &str,
    ) -> Result<Option<MemberRole>, HubError> {
        let role: Option<String> =
            query_scalar("SELECT role FROM pack_members WHERE pack_id = $1 AND user_id = $2")
                .bind(pack.as_str())
                .bind(user_id)
                .fetch_optional(&self.readers)
                .await?;
        role.map(|role| parse("member's role", &role)).transpose()
    }

    /// The members of a pack with their roles, by name.
    pub(crate) async fn members(
        &self,
        pack: &PackId,
    ) -> Result<Vec<(String, MemberRole)>, HubError> {
        let rows: Vec<(String, String)> = query(
            "SELECT users.name, pack_members.role FROM pack_members \
             JOIN users ON users.id = pack_members.user_id \
             WHERE pack_members.pack_id = $1 ORDER BY users.name",
        )
        .bind(pack.as_str())
        .fetch_all(&self.readers)
        .await?;
        rows.into_iter()
            .map(|(name, role)| Ok((name, parse("member's role", &role)?)))
            .collect()
    }

    /// Makes a user a member of a pack, in another role too.
    pub(crate) async fn put_member(
        tx: &mut Tx,
        pack: &PackId,
        user_id: &str,
        role: MemberRole,
        now: Timestamp,
    ) -> Result<(), HubError> {
        query(
            "INSERT INTO pack_members (pack_id, user_id, role, added_at) \
             VALUES ($1, $2, $3, $4) \
             ON CONFLICT (pack_id, user_id) DO UPDATE SET role = excluded.role",
        )
        .bind(pack.as_str())
        .bind(user_id)
        .bind(role.as_str())
        .bind(stamp(now))
        .execute(&mut *tx)
        .await?;
        let name = user_name(tx, user_id).await?;
        let object = format!("{pack} {name} {}", role.as_str());
        audit::note(tx, "member.add", &object, now).await?;
        Ok(())
    }

    /// Takes a user out of a pack. Whether the user was in it.
    pub(crate) async fn remove_member(
        tx: &mut Tx,
        pack: &PackId,
        user_id: &str,
        now: Timestamp,
    ) -> Result<bool, HubError> {
        let done = query("DELETE FROM pack_members WHERE pack_id = $1 AND user_id = $2")
            .bind(pack.as_str())
            .bind(user_id)
            .execute(&mut *tx)
            .await?;
        let removed = done == 1;
        if removed {
            let object = format!("{pack} {}", user_name(tx, user_id).await?);
            audit::note(tx, "member.remove", &object, now).await?;
        }
        Ok(removed)
    }

    /// Completes a build in one transaction and puts it on its channel. The same again changes
    /// nothing and answers the same.
    pub(crate) async fn complete_build(
        &self,
        completion: &Completion,
        provider: &str,
        now: Timestamp,
    ) -> Result<Completed, HubError> {
        let mut tx = self.write().await?;
        let Some(stored) = objects::find(&mut tx, &completion.key).await? else {
            let why = format!(
                "nothing has been uploaded for build {}",
                completion.build_id
            );
            let why = uploads::with_refusal(&mut tx, &completion.key, why).await?;
            return Ok(Completed::Conflict(why));
        };
        if let Some(size) = completion.size
            && size != stored.size
        {
            return Ok(Completed::Conflict(format!(
                "{} bytes are stored of build {}, not {size}",
                stored.size, completion.build_id
            )));
        }
        let created_at = match put_build(&mut tx, completion, now).await? {
            Put::At(created_at) => created_at,
            Put::Differs(field) => {
                return Ok(Completed::Conflict(format!(
                    "build {} is complete already and has another {field}",
                    completion.build_id
                )));
            }
        };
        let updated_at = put_on_channel(&mut tx, completion, now).await?;
        let Completion {
            pack,
            build_id,
            version,
            channel,
            ..
        } = completion;
        let object = format!("{pack} {build_id} {version} {}", channel.as_str());
        audit::note(&mut tx, "build.complete", &object, now).await?;
        tx.commit().await?;
        let wanted = completion.clone();
        Ok(Completed::Done(Box::new(CompletedBuild {
            channel: PackChannelBuild {
                name: wanted.channel,
                pack_id: wanted.pack.clone(),
                build_id: wanted.build_id.clone(),
                updated_at,
            },
            build: PackBuild {
                id: wanted.build_id,
                pack_id: wanted.pack,
                version: wanted.version,
                artifact_key: format!("{provider}::{}", wanted.key),
                artifact_provider: provider.to_owned(),
                artifact_size: stored.size,
                sha256: stored.sha256,
                commit_hash: wanted.commit_hash,
                commit_message: wanted.commit_message,
                created_at,
            },
        })))
    }
}

enum Put {
    /// It is complete since then.
    At(Timestamp),
    /// It was completed with another value in this field.
    Differs(&'static str),
}

async fn put_build(tx: &mut Tx, completion: &Completion, now: Timestamp) -> Result<Put, HubError> {
    type Row = (String, String, Option<String>, Option<String>, String);
    let before: Option<Row> = query(
        "SELECT pack_id, version, commit_hash, commit_message, created_at \
         FROM pack_builds WHERE id = $1",
    )
    .bind(&completion.build_id)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some((pack, version, hash, message, created_at)) = before {
        let differs = [
            ("pack", pack != completion.pack.as_str()),
            ("version", version != completion.version),
            ("commitHash", hash != completion.commit_hash),
            ("commitMessage", message != completion.commit_message),
        ];
        return Ok(match differs.iter().find(|(_, differs)| *differs) {
            Some((field, _)) => Put::Differs(field),
            None => Put::At(parse_time(&created_at)?),
        });
    }
    query(
        "INSERT INTO pack_builds \
         (id, pack_id, object_key, version, commit_hash, commit_message, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&completion.build_id)
    .bind(completion.pack.as_str())
    .bind(completion.key.as_str())
    .bind(&completion.version)
    .bind(&completion.commit_hash)
    .bind(&completion.commit_message)
    .bind(stamp(now))
    .execute(tx)
    .await?;
    Ok(Put::At(now))
}

/// Puts a build on its channel unless it has been there, so that a repeated call does not push
/// aside what came after it. Since when the channel has it.
async fn put_on_channel(
    tx: &mut Tx,
    completion: &Completion,
    now: Timestamp,
) -> Result<Timestamp, HubError> {
    query(
        "INSERT INTO pack_channel_builds (pack_id, channel, build_id, updated_at) \
         VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(completion.pack.as_str())
    .bind(completion.channel.as_str())
    .bind(&completion.build_id)
    .bind(stamp(now))
    .execute(&mut *tx)
    .await?;
    let updated_at: String = query_scalar(
        "SELECT updated_at FROM pack_channel_builds \
         WHERE pack_id = $1 AND channel = $2 AND build_id = $3",
    )
    .bind(completion.pack.as_str())
    .bind(completion.channel.as_str())
    .bind(&completion.build_id)
    .fetch_one(tx)
    .await?;
    parse_time(&updated_at)
}
