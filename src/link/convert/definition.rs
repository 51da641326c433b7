//! Group definitions.

use prost::Message;

use super::record::is_short_line;
use super::{Malformed, fixed, wire};
use crate::model::group::{Definition, MEMBERS_MAX, Member, SignedDefinition, Visibility};
use crate::model::{GroupId, OrgId, Timestamp};

/// The bytes of a group definition that its signer signs.
pub fn encode_definition(definition: &Definition) -> Vec<u8> {
    let Definition { group, nonce, number, owner, deputy, name, visibility, community, history, members, confirmed, signer, appointment } =
        definition;
    let member = |member: &Member| wire::definition::Member { org: member.org.0.to_vec(), card: member.card.clone(), since: member.since };
    wire::Definition {
        group: group.0.to_vec(),
        nonce: nonce.to_vec(),
        number: *number,
        owner: owner.0.to_vec(),
        deputy: deputy.map(|org| org.0.to_vec()).unwrap_or_default(),
        name: name.clone(),
        hidden: *visibility == Visibility::Hidden,
        community: *community,
        history: *history,
        members: members.iter().map(member).collect(),
        confirmed: confirmed.0,
        signer: signer.0.to_vec(),
        appointment: appointment.as_ref().map(wire_signed),
    }
    .encode_to_vec()
}

/// Reads a group definition. Its signature and soundness are checked by the caller.
///
/// # Errors
/// When the bytes are not a definition within its bounds.
pub fn decode_definition(bytes: &[u8]) -> Result<Definition, Malformed> {
    let wire = wire::Definition::decode(bytes).map_err(|_| Malformed("not a group definition"))?;
    if wire.members.len() > MEMBERS_MAX || !is_short_line(&wire.name, 100) {
        return Err(Malformed("a group has at most 500 members and a name of 100 characters"));
    }
    let org = |bytes: &[u8]| fixed(bytes, "an organisation id has 32 bytes").map(OrgId);
    let members = wire.members.iter().map(|member| Ok(Member { org: org(&member.org)?, card: member.card.clone(), since: member.since }));
    Ok(Definition {
        group: GroupId(fixed(&wire.group, "a group id has 32 bytes")?),
        nonce: fixed(&wire.nonce, "a nonce has 16 bytes")?,
        number: wire.number,
        owner: org(&wire.owner)?,
        deputy: if wire.deputy.is_empty() { None } else { Some(org(&wire.deputy)?) },
        name: wire.name,
        visibility: if wire.hidden { Visibility::Hidden } else { Visibility::Visible },
        community: wire.community,
        history: wire.history,
        members: members.collect::<Result<_, Malformed>>()?,
        confirmed: Timestamp(wire.confirmed),
        signer: org(&wire.signer)?,
        appointment: wire.appointment.map(read_signed).transpose()?,
    })
}

/// A definition with its signature, as it stands in frames and in other definitions.
pub(super) fn wire_signed(signed: &SignedDefinition) -> wire::SignedDefinition {
    wire::SignedDefinition { definition: signed.bytes.clone(), signature: signed.signature.to_vec() }
}

fn read_signed(signed: wire::SignedDefinition) -> Result<SignedDefinition, Malformed> {
    Ok(SignedDefinition { bytes: signed.definition, signature: fixed(&signed.signature, "a signature has 64 bytes")? })
}

/// A definition with its signature, which is not checked here.
///
/// # Errors
/// When the bytes are not that.
pub fn read_signed_definition(bytes: &[u8]) -> Result<SignedDefinition, Malformed> {
    read_signed(wire::SignedDefinition::decode(bytes).map_err(|_| Malformed("not a group definition"))?)
}
