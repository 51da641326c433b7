//! The key directory: each file of mode 0600.
//!
//! ```text
//! root.key  next-root.key  P-256, PKCS#8 in PEM; both may be kept elsewhere, the second should be
//! identity.pem             issuing CA (key and certificate) and the card that lists it, in one file, so that they change together
//! node.pem                 node certificate: key, leaf, issuing CA
//! previous.pem             the node certificate and the card from before the last rotation of the root
//! log.key  id.key          32 bytes in base32
//! match.key                the seed of the keys for checks for duplicates and for what was seen, the same
//! next-log.key             the next log-signing key, until the card that names it is in force and the keys have moved on
//! root-after-next.key      the same for the root that follows the next one
//! log-N.key                a log-signing key from before, until each of our logs has its last position under it
//! invitations              invitations that are open, with the tries that they have left
//! ```
//!
//! A file is replaced whole (write, sync, rename, sync), so a crash leaves the old one or the new one. `identity.pem` is what commits a
//! change; what a crash leaves half done around it is finished or dropped at the next start.

use super::certificate::{CertificateError, IssuingCa, NodeCertificate};
use super::tls::Credential;
use crate::model::crypto::{SigningKey, random};
use crate::model::duplicate::{BadElement, MatchKey};
use crate::model::id::{base32, from_base32};
use crate::model::identity::{
    BadKey, Card, CardContent, CardError, Chain, ChainError, EARLIER_MAX, EarlierLogKey, Endpoint, LogKey, P256Key,
};
use crate::model::{OrgId, Timestamp};
use crate::node::NodeError;
use data_encoding::BASE64;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The file with the invitations that are open.
pub(super) const INVITATIONS: &str = "invitations";

/// Why keys could not be made, read or renewed.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file system refused.
    #[error("`{}`: {error}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What it said.
        error: std::io::Error,
    },
    /// Others than its owner may read a private key.
    #[error("`{}` has mode {mode:04o}: others than its owner may read it\nhint: chmod 600 {}", .path.display(), .path.display())]
    TooOpen {
        /// Which file.
        path: PathBuf,
        /// Its mode bits.
        mode: u32,
    },
    /// There is an identity already.
    #[error("`{}` holds an identity already", .0.display())]
    Exists(PathBuf),
    /// A file does not hold what its name says.
    #[error("`{}` does not hold {what}", .path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// What was expected.
        what: &'static str,
    },
    /// The root key is not in the directory.
    #[error("the root key is not here\nhint: put it back as `{}` for as long as this takes", .0.display())]
    RootAbsent(PathBuf),
    /// The next root key is not in the directory.
    #[error("the next root key is not here\nhint: put it back as `{}` for as long as this takes", .0.display())]
    NextRootAbsent(PathBuf),
    /// A certificate could not be made or read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The card could not be made or read.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The root could not be rotated.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A key could not be read.
    #[error(transparent)]
    Key(#[from] BadKey),
}

/// What a renewal did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Renewal {
    /// There is a new node certificate.
    pub node: bool,
    /// There is a new issuing CA, and so a new card for the peers.
    pub issuing_ca: bool,
    /// The issuing CA is due, and the root key is not here.
    pub root_needed: bool,
}

/// A file of the key directory: its name and its content.
pub type KeyFile = (String, Zeroizing<Vec<u8>>);

/// The keys of one seed under which others' questions are evaluated.
struct Matching {
    contacts: Arc<MatchKey>,
    sightings: Arc<MatchKey>,
}

/// The organisation's keys, as the directory holds them. `Debug` prints the organisation id.
pub struct Keys {
    directory: PathBuf,
    issuing_ca: IssuingCa,
    node: NodeCertificate,
    log: Arc<SigningKey>,
    /// Log-signing keys from before, by number.
    former: BTreeMap<u32, Arc<SigningKey>>,
    id: Zeroizing<[u8; 32]>,
    matching: Matching,
    card: Card,
    previous: Option<(NodeCertificate, Card)>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.org())
    }
}

impl Keys {
    /// Makes a new organisation: every key, the certificates and the first card.
    ///
    /// # Errors
    /// When the directory holds an identity already, or cannot be written.
    pub fn create(directory: &Path, endpoints: Vec<Endpoint>, protocols: Vec<u16>, now: Timestamp) -> Result<Self, KeysError> {
        let at = |name: &str| directory.join(name);
        if at("identity.pem").exists() {
            return Err(KeysError::Exists(directory.to_owned()));
        }
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(|error| KeysError::File { path: directory.to_owned(), error })?;
        let (root, next) = (P256Key::generate(), P256Key::generate());
        let chain = Chain::incept(&root, &next.public(), random(), now);
        let issuing_ca = IssuingCa::issue(&root, now)?;
        let node = issuing_ca.issue_node(chain.org(), now)?;
        let (log, id) = (Arc::new(SigningKey::generate()), Zeroizing::new(random()));
        let matching = make_match_key(directory)?;
        let content = CardContent {
            number: 1,
            issuing_cas: vec![issuing_ca.der().to_vec()],
            log_key: LogKey { number: 1, public: log.public() },
            earlier_log_keys: Vec::new(),
            desk_key: None,
            match_key: Some(matching.contacts.public()),
            knock_key: random(),
            endpoints,
            protocols,
            created: now,
        };
        let card = Card::sign(&chain, content, &root)?;
        write(&at("root.key"), &pem(&root, &[]))?;
        write(&at("next-root.key"), &pem(&next, &[]))?;
        let former = BTreeMap::new();
        let keys = Self { directory: directory.to_owned(), issuing_ca, node, log, former, id, matching, card, previous: None };
        write(&at("log.key"), &secret(&keys.log.seed()))?;
        write(&at("id.key"), &secret(&keys.id))?;
        keys.write_card(&keys.issuing_ca, &keys.card)?;
        keys.write_node(&keys.node)?;
        Ok(keys)
    }

    /// Whose directory it is. Reads one file and writes none.
    ///
    /// # Errors
    /// When the file is missing, damaged, or open to others.
    pub fn whose(directory: &Path) -> Result<OrgId, KeysError> {
        Ok(Card::from_text(&read_text(&directory.join("identity.pem"))?)?.org())
    }

    /// Reads the directory, and finishes what a crash left half done. A node certificate that does not fit is replaced.
    ///
    /// # Errors
    /// When a file is missing, damaged, or open to others.
    pub fn load(directory: &Path, now: Timestamp) -> Result<Self, KeysError> {
        let at = |name: &str| directory.join(name);
        let card = Card::from_text(&read_text(&at("identity.pem"))?)?;
        let (key, chain) = read_pem(&at("identity.pem"))?;
        let [der] = <[_; 1]>::try_from(chain).map_err(|_| content(&at("identity.pem"), "one certificate"))?;
        let issuing_ca = IssuingCa::load(key, der)?;
        let kept = read_node(&at("node.pem")).ok().filter(|node| node.chain()[1] == *issuing_ca.der());
        let is_new = kept.is_none();
        let node = kept.map_or_else(|| issuing_ca.issue_node(card.org(), now), Ok)?;
        let previous = match at("previous.pem").exists() {
            true => Some((read_node(&at("previous.pem"))?, Card::from_text(&read_text(&at("previous.pem"))?)?)),
            false => None,
        };
        finish_log_rotation(directory, &card)?;
        let (log, id) = (Arc::new(SigningKey::from_seed(*read_secret(&at("log.key"))?)), read_secret(&at("id.key"))?);
        if log.public() != card.content().log_key.public {
            return Err(content(&at("log.key"), "the log-signing key that the card names"));
        }
        let former = read_former(directory, &card)?;
        let matching = read_match_key(directory)?;
        let keys = Self { directory: directory.to_owned(), issuing_ca, node, log, former, id, matching, card, previous };
        keys.finish_rotation()?;
        if is_new {
            keys.write_node(&keys.node)?;
        }
        Ok(keys)
    }

    /// Puts a card in force, with the issuing CA that it lists first: on disk and then here, so that what cannot be written does not hold.
    fn put_card(&mut self, issuing_ca: IssuingCa, card: Card) -> Result<(), KeysError> {
        self.write_card(&issuing_ca, &card)?;
        (self.issuing_ca, self.card) = (issuing_ca, card);
        Ok(())
    }

    /// The same for a node certificate.
    fn put_node(&mut self, node: NodeCertificate) -> Result<(), KeysError> {
        self.write_node(&node)?;
        self.node = node;
        Ok(())
    }

    fn write_card(&self, issuing_ca: &IssuingCa, card: &Card) -> Result<(), KeysError> {
        let mut text = pem(issuing_ca.key(), std::slice::from_ref(issuing_ca.der()));
        text.extend_from_slice(card.to_text().as_bytes());
        write(&self.directory.join("identity.pem"), &text)
    }

    fn write_node(&self, node: &NodeCertificate) -> Result<(), KeysError> {
        write(&self.directory.join("node.pem"), &pem(node.key(), node.chain()))
    }

    fn write_previous(&self) -> Result<(), KeysError> {
        let mut text = pem(self.node.key(), self.node.chain());
        text.extend_from_slice(self.card.to_text().as_bytes());
        write(&self.directory.join("previous.pem"), &text)
    }

    fn root(&self) -> Result<P256Key, KeysError> {
        let path = self.directory.join("root.key");
        if path.exists() { Ok(read_pem(&path)?.0) } else { Err(KeysError::RootAbsent(path)) }
    }

    /// The content of each file, by name, and the names of those that a backup leaves out: the next root key, which must win the
    /// organisation back from whoever has all else. Left out without a word is what has no use in a copy: open invitations, and what was
    /// being written. `next-log.key` is in it: where the card names it already, nothing else has the log-signing key.
    ///
    /// # Errors
    /// When a file cannot be read, or others than its owner may.
    pub fn files(&self) -> Result<(Vec<KeyFile>, Vec<String>), KeysError> {
        let error = |error| KeysError::File { path: self.directory.clone(), error };
        let (mut files, mut left_out) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&self.directory).map_err(error)? {
            let path = entry.map_err(error)?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else { continue };
            // An invitation that was used since the backup would be open again.
            let passing = name == INVITATIONS;
            let half_done = name == "root-after-next.key" || name.ends_with(".new") || name.starts_with('.');
            match name.as_str() {
                "next-root.key" => left_out.push(name),
                _ if half_done || passing || !path.is_file() => {}
                _ => files.push((name, Zeroizing::new(std::mem::take(&mut *read_text(&path)?).into_bytes()))),
            }
        }
        files.sort_by(|one, other| one.0.cmp(&other.0));
        Ok((files, left_out))
    }

    /// Renews what is due at two thirds of its life: the node certificate by the issuing CA, the issuing CA by the root if it is here.
    ///
    /// # Errors
    /// When a file cannot be read or written; what was in force stays so.
    pub fn renew(&mut self, now: Timestamp) -> Result<Renewal, KeysError> {
        let mut renewal = Renewal::default();
        if now >= self.issuing_ca.validity().renew_at() {
            match self.root() {
                Ok(root) => {
                    self.renew_issuing_ca(&root, now)?;
                    renewal.issuing_ca = true;
                }
                Err(KeysError::RootAbsent(_)) => renewal.root_needed = true,
                Err(error) => return Err(error),
            }
        }
        let of_another_ca = self.node.chain()[1] != *self.issuing_ca.der();
        // One that a clock which was ahead has made is refused by every peer whose clock is right.
        let too_early = now < self.node.validity().not_before && self.issuing_ca.validity().holds(now);
        if of_another_ca || too_early || now >= self.node.validity().renew_at() {
            self.put_node(self.issuing_ca.issue_node(self.org(), now)?)?;
            renewal.node = true;
        }
        Ok(renewal)
    }

    fn renew_issuing_ca(&mut self, root: &P256Key, now: Timestamp) -> Result<(), KeysError> {
        let issuing_ca = IssuingCa::issue(root, now)?;
        let listed = vec![issuing_ca.der().to_vec(), self.issuing_ca.der().to_vec()];
        let content = CardContent { number: self.next_number(), issuing_cas: listed, created: now, ..self.card.content().clone() };
        let card = Card::sign(self.card.chain(), content, root)?;
        self.put_card(issuing_ca, card)
    }

    /// Signs the next card with a changed content, such as other endpoints; number and time are set here.
    ///
    /// # Errors
    /// When the root key is not here, the content is out of its bounds, or a file cannot be written; what was in force stays so.
    pub fn change_card(&mut self, now: Timestamp, change: impl FnOnce(&mut CardContent)) -> Result<&Card, KeysError> {
        let mut content = self.card.content().clone();
        change(&mut content);
        (content.number, content.created) = (self.next_number(), now);
        let card = Card::sign(self.card.chain(), content, &self.root()?)?;
        self.put_card(self.issuing_ca.clone(), card)?;
        Ok(&self.card)
    }

    /// Makes `next-root.key` the root, with a new next one, a new issuing CA and a new knock key. Peers that have the card from before
    /// knock by the old knock key and are shown the old certificate, for as long as it lives.
    ///
    /// # Errors
    /// When `next-root.key` is not here or is not the key that was committed to, or a file cannot be written. What was in force stays so,
    /// unless the card was written and the root keys could not be moved up: then the new root is in force, it is not changed again before
    /// they are, and the next start moves them.
    pub fn rotate_root(&mut self, now: Timestamp) -> Result<&Card, KeysError> {
        let at = |name: &str| self.directory.join(name);
        if !at("next-root.key").exists() {
            return Err(KeysError::NextRootAbsent(at("next-root.key")));
        }
        let (root, _) = read_pem(&at("next-root.key"))?;
        let next = P256Key::generate();
        let chain = self.card.chain().rotate(&root, &next.public(), now)?;
        let issuing_ca = IssuingCa::issue(&root, now)?;
        let node = issuing_ca.issue_node(self.org(), now)?;
        let listed = vec![issuing_ca.der().to_vec()];
        let content = CardContent {
            number: self.next_number(),
            issuing_cas: listed,
            knock_key: random(),
            created: now,
            ..self.card.content().clone()
        };
        let card = Card::sign(&chain, content, &root)?;
        write(&at("root-after-next.key"), &pem(&next, &[]))?;
        self.write_previous()?;
        let previous = (self.node.clone(), self.card.clone());
        self.put_card(issuing_ca, card)?;
        self.previous = Some(previous);
        self.finish_rotation()?;
        // The root has changed: an error here would have it changed again. Renewal makes up for it.
        if let Err(error) = self.put_node(node) {
            tracing::warn!(code = NodeError::from(error).code(), "the node certificate under the new root could not be written");
        }
        Ok(&self.card)
    }

    /// Puts a new log-signing key in force; the card lists the one before it among the earlier ones. Its file stays, as `log-N.key`, until
    /// [`Self::forget_log_key`]. `stolen` says that none of those before it counts any more for what it alone has signed.
    ///
    /// The card's number is at least the time in seconds, so that a copy from before another change can still leave that one behind.
    ///
    /// # Errors
    /// When the root key is not here, or a file cannot be written. What was in force stays so, unless the card was written and the key files
    /// could not be moved: then the new key is in force, and they are moved before the next change or at the next start.
    pub fn rotate_log(&mut self, now: Timestamp, stolen: bool) -> Result<&Card, KeysError> {
        // Until then `next-log.key` is the one file with the key that the card names.
        finish_log_rotation(&self.directory, &self.card)?;
        let (root, log) = (self.root()?, Arc::new(SigningKey::generate()));
        let mut content = self.card.content().clone();
        let before = content.log_key;
        content.earlier_log_keys.insert(0, EarlierLogKey { key: before, retired: now, stolen });
        content.earlier_log_keys.truncate(EARLIER_MAX);
        content.earlier_log_keys.iter_mut().for_each(|earlier| earlier.stolen |= stolen);
        content.log_key = LogKey { number: before.number + 1, public: log.public() };
        (content.number, content.created) = (self.next_number().max(now.0 / 1_000), now);
        let card = Card::sign(self.card.chain(), content, &root)?;
        write(&self.directory.join(NEXT_LOG_KEY), &secret(&log.seed()))?;
        self.put_card(self.issuing_ca.clone(), card)?;
        self.former.insert(before.number, std::mem::replace(&mut self.log, log));
        finish_log_rotation(&self.directory, &self.card)?;
        Ok(&self.card)
    }

    /// Destroys a log-signing key from before: each of our logs has its last position under it.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn forget_log_key(&mut self, number: u32) -> Result<(), KeysError> {
        let path = former_path(&self.directory, number);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(KeysError::File { path, error }),
            _ => {}
        }
        self.former.remove(&number);
        Ok(())
    }

    /// Moves the root keys up after a rotation was committed, or drops what one that was not has left.
    fn finish_rotation(&self) -> Result<(), KeysError> {
        let at = |name: &str| self.directory.join(name);
        let rename = |from: PathBuf, to: &str| fs::rename(&from, at(to)).map_err(|error| KeysError::File { path: from, error });
        if !at("root-after-next.key").exists() {
            return Ok(());
        }
        let is_root = |name: &str| at(name).exists() && read_pem(&at(name)).is_ok_and(|(key, _)| key.public() == self.card.chain().root());
        if is_root("next-root.key") {
            rename(at("next-root.key"), "root.key")?;
        }
        if at("next-root.key").exists() {
            return fs::remove_file(at("root-after-next.key")).map_err(|error| KeysError::File { path: at("root-after-next.key"), error });
        }
        rename(at("root-after-next.key"), "next-root.key")
    }

    fn next_number(&self) -> u64 {
        self.card.content().number + 1
    }

    /// What to show on connections: the current credential, then the one from before the last rotation while it holds.
    ///
    /// # Errors
    /// When the TLS library does not take a key.
    pub fn credentials(&self, now: Timestamp) -> Result<Vec<Credential>, KeysError> {
        let mut credentials = vec![Credential::new(&self.node, self.card.content().knock_key)?];
        if let Some((node, card)) = self.previous.as_ref().filter(|(node, _)| node.validity().holds(now)) {
            credentials.push(Credential::new(node, card.content().knock_key)?);
        }
        Ok(credentials)
    }

    /// The organisation.
    pub const fn org(&self) -> OrgId {
        self.card.org()
    }

    /// The current card.
    pub const fn card(&self) -> &Card {
        &self.card
    }

    /// The log-signing key.
    pub const fn log(&self) -> &Arc<SigningKey> {
        &self.log
    }

    /// Log-signing keys from before that are still here, by number.
    pub const fn former(&self) -> &BTreeMap<u32, Arc<SigningKey>> {
        &self.former
    }

    /// The key from which record ids are made.
    pub fn id_key(&self) -> &[u8; 32] {
        &self.id
    }

    /// The key for checks for duplicates.
    pub const fn match_key(&self) -> &Arc<MatchKey> {
        &self.matching.contacts
    }

    /// The key for questions about what was seen.
    pub const fn seen_key(&self) -> &Arc<MatchKey> {
        &self.matching.sightings
    }

    /// The issuing CA.
    pub const fn issuing_ca(&self) -> &IssuingCa {
        &self.issuing_ca
    }

    /// The node certificate.
    pub const fn node(&self) -> &NodeCertificate {
        &self.node
    }
}

/// The next log-signing key, until the card that names it is in force.
const NEXT_LOG_KEY: &str = "next-log.key";

fn former_path(directory: &Path, number: u32) -> PathBuf {
    directory.join(format!("log-{number}.key"))
}

/// Moves the log-signing keys on after a card that names the next one was committed, or drops a next one that no card names.
fn finish_log_rotation(directory: &Path, card: &Card) -> Result<(), KeysError> {
    let (next, log) = (directory.join(NEXT_LOG_KEY), directory.join("log.key"));
    if !next.exists() {
        return Ok(());
    }
    let moved = |from: &Path, to: &Path| fs::rename(from, to).map_err(|error| KeysError::File { path: from.to_owned(), error });
    if SigningKey::from_seed(*read_secret(&next)?).public() != card.content().log_key.public {
        return fs::remove_file(&next).map_err(|error| KeysError::File { path: next, error });
    }
    if let Some(before) = card.content().earlier_log_keys.first()
        && log.exists()
    {
        moved(&log, &former_path(directory, before.key.number))?;
    }
    moved(&next, &log)
}

/// The log-signing keys from before whose files are still here. One that the card does not list any more is of no use.
fn read_former(directory: &Path, card: &Card) -> Result<BTreeMap<u32, Arc<SigningKey>>, KeysError> {
    let mut former = BTreeMap::new();
    for earlier in &card.content().earlier_log_keys {
        let path = former_path(directory, earlier.key.number);
        if !path.exists() {
            continue;
        }
        let key = SigningKey::from_seed(*read_secret(&path)?);
        if key.public() != earlier.key.public {
            return Err(content(&path, "the earlier log-signing key that the card names"));
        }
        former.insert(earlier.key.number, Arc::new(key));
    }
    Ok(former)
}

/// The seed of the keys for checks for duplicates and for questions about what was seen.
const MATCH_KEY: &str = "match.key";

fn make_match_key(directory: &Path) -> Result<Matching, KeysError> {
    let path = directory.join(MATCH_KEY);
    let seed = Zeroizing::new(random());
    write(&path, &secret(&seed))?;
    matching(&seed, &path)
}

fn matching(seed: &[u8; 32], path: &Path) -> Result<Matching, KeysError> {
    let of = |key: Result<MatchKey, _>| key.map(Arc::new).map_err(|_: BadElement| content(path, "the seed of a key"));
    Ok(Matching { contacts: of(MatchKey::from_seed(seed))?, sightings: of(MatchKey::for_sightings(seed))? })
}

/// A directory from before there was one gets one; the card names it once the root key is at hand.
fn read_match_key(directory: &Path) -> Result<Matching, KeysError> {
    let path = directory.join(MATCH_KEY);
    if !path.exists() {
        return make_match_key(directory);
    }
    matching(&*read_secret(&path)?, &path)
}

fn content(path: &Path, what: &'static str) -> KeysError {
    KeysError::Content { path: path.to_owned(), what }
}

fn secret(bytes: &[u8; 32]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new((base32(bytes) + "\n").into_bytes())
}

fn pem(key: &P256Key, chain: &[CertificateDer<'_>]) -> Zeroizing<Vec<u8>> {
    let mut text = block("PRIVATE KEY", key.pkcs8());
    for der in chain {
        text.push_str(&block("CERTIFICATE", der));
    }
    Zeroizing::new(std::mem::take(&mut *text).into_bytes())
}

fn block(label: &str, bytes: &[u8]) -> Zeroizing<String> {
    let encoded = Zeroizing::new(BASE64.encode(bytes));
    let mut text = Zeroizing::new(format!("-----BEGIN {label}-----\n"));
    for line in encoded.as_bytes().chunks(64) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// Replaces a private file whole: written beside it, synced, renamed.
///
/// # Errors
/// When the file system refuses.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), KeysError> {
    let error = |error| KeysError::File { path: path.to_owned(), error };
    let temporary = path.with_extension("new");
    match fs::remove_file(&temporary) {
        Err(other) if other.kind() != ErrorKind::NotFound => return Err(error(other)),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).map_err(error)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(error)?;
    fs::rename(&temporary, path).map_err(error)?;
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(error)
}

/// Reads a file that no one but its owner may read, and no more than a key file has.
pub(super) fn read_text(path: &Path) -> Result<Zeroizing<String>, KeysError> {
    use std::io::Read;
    let error = |error| KeysError::File { path: path.to_owned(), error };
    let file = fs::File::open(path).map_err(error)?;
    let mode = file.metadata().map_err(error)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeysError::TooOpen { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::with_capacity(64 * 1024));
    file.take(64 * 1024).read_to_string(&mut text).map_err(error)?;
    Ok(text)
}

fn read_secret(path: &Path) -> Result<Zeroizing<[u8; 32]>, KeysError> {
    let bytes = Zeroizing::new(from_base32(read_text(path)?.trim()).unwrap_or_default());
    let bytes = bytes.as_slice().try_into().map_err(|_| content(path, "32 bytes in base32"))?;
    Ok(Zeroizing::new(bytes))
}

fn read_pem(path: &Path) -> Result<(P256Key, Vec<CertificateDer<'static>>), KeysError> {
    let text = read_text(path)?;
    let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| content(path, "a private key"))?;
    let chain = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<_, _>>();
    Ok((P256Key::from_pkcs8(key.secret_der())?, chain.map_err(|_| content(path, "certificates"))?))
}

fn read_node(path: &Path) -> Result<NodeCertificate, KeysError> {
    let (key, chain) = read_pem(path)?;
    let chain = chain.try_into().map_err(|_| content(path, "leaf and issuing CA"))?;
    Ok(NodeCertificate::load(key, chain)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::certificate::DAY_MS;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn keys() -> (tempfile::TempDir, Keys) {
        let directory = tempfile::tempdir().expect("a directory");
        let keys = Keys::create(&directory.path().join("keys"), vec![], vec![1], NOW).expect("creates");
        (directory, keys)
    }

    #[test]
    fn an_identity_survives_its_directory() {
        let (_directory, keys) = keys();
        let again = Keys::load(&keys.directory, NOW).expect("loads");
        assert_eq!((again.card(), again.log().public(), again.id_key()), (keys.card(), keys.log().public(), keys.id_key()));
        assert_eq!(again.node().chain(), keys.node().chain());
        assert!(matches!(Keys::create(&keys.directory, vec![], vec![1], NOW), Err(KeysError::Exists(_))));
    }

    #[test]
    fn every_key_file_is_its_owners_alone_and_a_wider_one_is_refused() {
        let (_directory, keys) = keys();
        for file in fs::read_dir(&keys.directory).expect("reads") {
            let path = file.expect("an entry").path();
            assert_eq!(fs::metadata(&path).expect("stat").permissions().mode() & 0o777, 0o600, "{}", path.display());
        }
        let path = keys.directory.join("log.key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("chmod");
        let error = Keys::load(&keys.directory, NOW).expect_err("refused").to_string();
        let path = path.display();
        assert_eq!(error, format!("`{path}` has mode 0640: others than its owner may read it\nhint: chmod 600 {path}"));
    }

    #[test]
    fn the_node_certificate_renews_without_the_root_and_the_issuing_ca_with_it() {
        let (_directory, mut keys) = keys();
        let later = |days| NOW.plus(days * DAY_MS);
        assert_eq!(keys.renew(later(4)).expect("renews"), Renewal::default());
        assert_eq!(keys.renew(later(5)).expect("renews"), Renewal { node: true, ..Renewal::default() });
        let elsewhere = keys.directory.join("root.elsewhere");
        fs::rename(keys.directory.join("root.key"), &elsewhere).expect("moves");
        assert_eq!(keys.renew(later(61)).expect("renews"), Renewal { node: true, issuing_ca: false, root_needed: true });
        fs::rename(&elsewhere, keys.directory.join("root.key")).expect("moves back");
        let before = keys.card().clone();
        assert_eq!(keys.renew(later(61)).expect("renews"), Renewal { node: true, issuing_ca: true, root_needed: false });
        assert!(keys.card().newer_than(&before));
        assert_eq!(keys.card().content().issuing_cas[1], before.content().issuing_cas[0]);
        assert_eq!(Keys::load(&keys.directory, later(61)).expect("loads").card(), keys.card());
    }

    #[test]
    fn a_root_rotation_moves_every_key_up_and_keeps_the_id() {
        let (_directory, mut keys) = keys();
        let before = keys.card().clone();
        keys.rotate_root(NOW.plus(DAY_MS)).expect("rotates");
        assert_eq!(keys.org(), before.org());
        assert!(keys.card().newer_than(&before));
        assert_ne!(keys.card().content().knock_key, before.content().knock_key);
        let mut again = Keys::load(&keys.directory, NOW.plus(DAY_MS)).expect("loads");
        assert_eq!(again.credentials(NOW.plus(DAY_MS)).expect("credentials").len(), 2);
        assert_eq!(again.credentials(NOW.plus(9 * DAY_MS)).expect("credentials").len(), 1);
        again.rotate_root(NOW.plus(2 * DAY_MS)).expect("rotates again");
        assert_eq!(again.card().chain().rotations(), 2);
    }

    #[test]
    fn a_rotation_that_a_crash_interrupted_is_finished_or_dropped_at_the_start() {
        let (_directory, mut keys) = keys();
        let at = |name: &str| keys.directory.join(name);
        write(&at("root-after-next.key"), &pem(&P256Key::generate(), &[])).expect("writes");
        Keys::load(&at(""), NOW).expect("loads");
        assert!(!at("root-after-next.key").exists(), "not committed: dropped");
        let (old, next) = (fs::read(at("root.key")).expect("reads"), fs::read(at("next-root.key")).expect("reads"));
        let directory = keys.directory.clone();
        keys.rotate_root(NOW).expect("rotates");
        let at = |name: &str| directory.join(name);
        fs::rename(at("next-root.key"), at("root-after-next.key")).expect("moves");
        for (name, bytes) in [("root.key", old), ("next-root.key", next)] {
            write(&at(name), &bytes).expect("writes");
        }
        let mut again = Keys::load(&directory, NOW).expect("loads");
        assert!(!at("root-after-next.key").exists(), "committed: finished");
        again.change_card(NOW, |_| ()).expect("root.key is the current root");
        again.rotate_root(NOW).expect("next-root.key is the next");
    }

    #[test]
    fn a_new_log_key_keeps_the_old_one_until_it_is_forgotten() {
        let (_directory, mut keys) = keys();
        let old = keys.log().public();
        keys.rotate_log(NOW.plus(DAY_MS), false).expect("rotates");
        keys.rotate_log(NOW.plus(2 * DAY_MS), false).expect("rotates again");
        let mut again = Keys::load(&keys.directory, NOW).expect("loads");
        assert_eq!((again.card(), again.log().public()), (keys.card(), keys.log().public()));
        assert_eq!(again.card().log_keys().ever()[2], old);
        assert_eq!(again.former()[&1].public(), old);
        assert_eq!(again.former().len(), 2);
        again.forget_log_key(1).expect("forgets");
        again.forget_log_key(1).expect("twice is as good");
        assert!(!again.directory.join("log-1.key").exists());
        assert_eq!(Keys::load(&keys.directory, NOW).expect("loads").former().len(), 1);
        assert!(again.card().content().earlier_log_keys.iter().all(|earlier| !earlier.stolen));
        again.rotate_log(NOW.plus(3 * DAY_MS), true).expect("rotates");
        assert!(again.card().content().earlier_log_keys.iter().all(|earlier| earlier.stolen));
        fs::remove_file(keys.directory.join("root.key")).expect("removes");
        assert!(matches!(again.rotate_log(NOW, false), Err(KeysError::RootAbsent(_))));
    }

    #[test]
    fn a_change_of_the_log_key_that_a_crash_interrupted_is_finished_or_dropped_at_the_start() {
        let (_directory, mut keys) = keys();
        let directory = keys.directory.clone();
        let at = |name: &str| directory.join(name);
        let old = fs::read(at("log.key")).expect("reads");
        write(&at("next-log.key"), &secret(&SigningKey::generate().seed())).expect("writes");
        assert_eq!(Keys::load(&directory, NOW).expect("loads").log().public(), keys.log().public());
        assert!(!at("next-log.key").exists(), "not committed: dropped");
        keys.rotate_log(NOW, false).expect("rotates");
        // The card is in force, and no file was moved, or one.
        let new = fs::read(at("log.key")).expect("reads");
        for moved in [false, true] {
            write(&at("next-log.key"), &new).expect("writes");
            fs::remove_file(at(if moved { "log.key" } else { "log-1.key" })).expect("removes");
            write(&at(if moved { "log-1.key" } else { "log.key" }), &old).expect("writes");
            assert!(keys.files().expect("reads").0.iter().any(|(name, _)| name == "next-log.key"), "a copy needs it too");
            let again = Keys::load(&directory, NOW).expect("loads");
            assert_eq!((again.log().public(), again.former().len()), (keys.log().public(), 1), "committed: finished");
            assert!(!at("next-log.key").exists());
        }
    }

    #[test]
    fn what_cannot_be_written_is_not_in_force() {
        let (_directory, mut keys) = keys();
        let later = NOW.plus(61 * DAY_MS);
        let in_force =
            |keys: &Keys| (keys.card().clone(), keys.log().public(), keys.issuing_ca().der().clone(), keys.node().chain().clone());
        let before = in_force(&keys);
        for name in ["identity.new", "node.new"] {
            fs::create_dir(keys.directory.join(name)).expect("is in the way");
        }
        assert!(keys.change_card(NOW, |content| content.protocols = vec![1, 2]).is_err());
        assert!(keys.rotate_log(NOW, false).is_err());
        assert!(keys.renew(NOW.plus(5 * DAY_MS)).is_err());
        assert!(keys.renew(later).is_err());
        assert!(keys.rotate_root(NOW).is_err());
        assert!(in_force(&keys) == before && keys.former().is_empty());
        assert_eq!(keys.credentials(NOW).expect("credentials").len(), 1);
        // The card can be written and the node certificate cannot: it follows as soon as it can.
        fs::remove_dir(keys.directory.join("identity.new")).expect("removes");
        assert!(keys.renew(later).is_err());
        assert_ne!(keys.card(), &before.0);
        fs::remove_dir(keys.directory.join("node.new")).expect("removes");
        assert_eq!(keys.renew(later).expect("renews"), Renewal { node: true, ..Renewal::default() });
        assert_eq!(keys.node().chain()[1], *keys.issuing_ca().der());
        let again = Keys::load(&keys.directory, later).expect("loads");
        assert!(in_force(&again) == in_force(&keys));
    }

    #[test]
    fn a_change_of_the_log_key_whose_files_could_not_move_is_finished_before_the_next() {
        let (_directory, mut keys) = keys();
        let in_the_way = keys.directory.join("log-1.key");
        fs::create_dir(&in_the_way).expect("is in the way");
        assert!(keys.rotate_log(NOW.plus(DAY_MS), false).is_err());
        let card = keys.card().clone();
        assert!(keys.rotate_log(NOW.plus(2 * DAY_MS), false).is_err());
        assert_eq!(keys.card(), &card, "not before the first is finished");
        fs::remove_dir(&in_the_way).expect("removes");
        keys.rotate_log(NOW.plus(2 * DAY_MS), false).expect("rotates");
        let again = Keys::load(&keys.directory, NOW).expect("loads");
        assert_eq!((again.card(), again.log().public()), (keys.card(), keys.log().public()));
        assert_eq!(again.former().keys().collect::<Vec<_>>(), [&1, &2]);
    }

    #[test]
    fn a_root_that_has_changed_is_said_to_have_though_the_node_certificate_cannot_be_written() {
        let (_directory, mut keys) = keys();
        let before = keys.node().chain().clone();
        fs::create_dir(keys.directory.join("node.new")).expect("is in the way");
        keys.rotate_root(NOW).expect("rotates");
        assert_eq!(keys.card().chain().rotations(), 1);
        fs::remove_dir(keys.directory.join("node.new")).expect("removes");
        assert_eq!(keys.renew(NOW).expect("renews"), Renewal { node: true, ..Renewal::default() });
        let again = Keys::load(&keys.directory, NOW).expect("loads");
        assert_eq!(again.node().chain()[1], *again.issuing_ca().der());
        assert_eq!(again.previous.expect("is kept").0.chain(), &before);
    }

    #[test]
    fn a_damaged_node_certificate_is_replaced_at_the_start() {
        let (_directory, keys) = keys();
        write(&keys.directory.join("node.pem"), b"torn").expect("writes");
        let again = Keys::load(&keys.directory, NOW).expect("loads");
        assert_eq!(again.node().chain()[1], keys.node().chain()[1]);
    }
}

#[cfg(test)]
mod texts {
    use super::*;

    #[test]
    fn each_error_about_keys_names_the_file() {
        let path = || PathBuf::from("D/keys/x");
        let cases = [
            (KeysError::File { path: path(), error: std::io::Error::other("no disk") }, "`D/keys/x`: no disk"),
            (
                KeysError::TooOpen { path: path(), mode: 0o644 },
                "`D/keys/x` has mode 0644: others than its owner may read it\nhint: chmod 600 D/keys/x",
            ),
            (KeysError::Exists(path()), "`D/keys/x` holds an identity already"),
            (KeysError::Content { path: path(), what: "a card" }, "`D/keys/x` does not hold a card"),
            (KeysError::RootAbsent(path()), "the root key is not here\nhint: put it back as `D/keys/x` for as long as this takes"),
            (KeysError::NextRootAbsent(path()), "the next root key is not here\nhint: put it back as `D/keys/x` for as long as this takes"),
            (KeysError::Certificate(CertificateError::Key(BadKey)), "not a P-256 private key in PKCS#8 form"),
            (KeysError::Card(CardError::BadSignature), "the card is not signed by its organisation's root"),
            (KeysError::Chain(ChainError::Empty), "the chain is empty"),
            (KeysError::Key(BadKey), "not a P-256 private key in PKCS#8 form"),
        ];
        crate::texts::all_say(include_str!("keys.rs"), "KeysError", &cases);
    }
}
