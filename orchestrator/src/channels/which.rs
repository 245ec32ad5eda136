//! Which products are meant. Pure.

use super::ChannelsError;
use crate::products::Workspace;
use release_types::ProductName;

/// The products of a group of the workspace; of its only one when none is named.
///
/// # Errors
/// When there is no such group, or there are several and none is named.
pub fn products_of(
    workspace: &Workspace,
    group: Option<&str>,
) -> Result<Vec<ProductName>, ChannelsError> {
    let groups = workspace.groups();
    let owned = || groups.iter().map(|&group| group.to_owned()).collect();
    let group = match (group, &groups[..]) {
        (Some(group), _) => group,
        (None, [only]) => only,
        (None, _) => return Err(ChannelsError::WhichGroup { groups: owned() }),
    };
    let products = workspace.names_of(group);
    if products.is_empty() {
        return Err(ChannelsError::NoGroup {
            group: group.to_owned(),
            groups: owned(),
        });
    }
    Ok(products)
}
