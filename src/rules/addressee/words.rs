//! Names of parameters and of hosts: facts that change, kept apart from the rule.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Words, put in order when they are first asked for.
type Words = LazyLock<BTreeSet<&'static str>>;

macro_rules! words {
    ($words:literal) => {
        LazyLock::new(|| $words.split(' ').collect())
    };
}

/// Parameters that name a person or a machine of one, lower case without `-`, `_` and `.`.
static PERSONAL: Words = words!(
    "account accountid client clientip computer computername customer customerid device deviceid email emailaddress emp \
    employee firstname fname fullname guid hostname imei imsi ip lastname lname login loginhint mac mail member mobile \
    msisdn name pcname phone phonenumber rcpt recipient surname tel telephone uid upn user useremail userid username victim \
    whoami"
);

/// Parameters whose value is good for one person or one visit: sessions, invitations, and what advertisers and bulk mailers put into each link. `rid` is
/// Gophish's, which is used for real phishing too.
static ONE_TIME: Words = words!(
    "accesstoken activation activationcode apikey auth authcode authkey authtoken bearer challenge clickid code confirm \
    confirmation csrf dclid ecid fbclid gclid hsenc hsmi igshid invitation invite jsessionid jwt key li magic mceid mctoken \
    mkttok msclkid nonce oauthtoken onetime otp passwd password phpsessid pin pwd refreshtoken reset resettoken rid \
    samlresponse secret session sessionid sessiontoken sid sig signature state ticket tid token ttclid verification verify \
    yclid"
);

/// Of the above, those that on a host that is everybody's open the page to whoever has the link.
static ACCESS: Words = words!("accesstoken authkey key sig signature token");

/// Parts of a path behind which stands what is good for one person.
static BEFORE_ONE_TIME: Words = words!(
    "activate activation confirm confirmation inv invitation invite join magic optout otp reset token track tracking \
    unsubscribe verification verify"
);

/// Hosts under which everybody can have a page or a name: there the token is the page, and without it the URL says nothing of an attacker. The commonest in
/// published indicators, for when no warninglist says more.
static SHARED: Words = words!(
    "000webhostapp.com 163.com 1drv.ms aliyuncs.com amazonaws.com anonfiles.com appspot.com archive.org authorizeddns.org \
    azureedge.net azurefd.net azurestaticapps.net azurewebsites.net backblazeb2.com bit.ly bitbucket.org blogger.com \
    blogspot.com box.com canva.com cloudflarestorage.com cloudfront.net codepen.io cutt.ly ddns.net digitalocean.app \
    digitaloceanspaces.com discord.com discordapp.com docusign.com docusign.net dropbox.com dropboxusercontent.com \
    duckdns.org dyndns.org dynu.net edgeone.app edgeone.dev facebook.com firebaseapp.com firebasestorage.app fly.dev \
    fotolog.com freeddns.org fwh.is github.com github.io githubusercontent.com gitlab.com gitlab.io glitch.me gofile.io \
    google.com googleapis.com googleusercontent.com herokuapp.com hopto.org icloud.com imgur.com instagram.com ipfs.io is.gd \
    linkedin.com linktr.ee linodeobjects.com live.com lnkd.in loca.lt mediafire.com medium.com mega.nz microsoft.com \
    myftp.org myqcloud.com mywebcommunity.org netlify.app ngrok-free.app ngrok.app ngrok.io no-ip.com no-ip.org notion.site \
    office.com on.aws ondigitalocean.app onlinewebshop.net onrender.com oraclecloud.com pages.dev pastebin.com pipedream.net \
    plesk.page r2.dev railway.app rb.gy rebrand.ly reddit.com repl.co replit.app requestbin.net rf.gd serveo.net \
    sharepoint.com spotify.com substack.com supabase.co surge.sh sync.com sytes.net t.co t.me telegra.ph telegram.org \
    tiktok.com tinyurl.com trycloudflare.com tumblr.com twitter.com typedream.app vercel.app vk.com wa.me web.app webflow.io \
    weebly.com wetransfer.com whatsapp.com windows.net wixsite.com wordpress.com workers.dev wuaze.com x.com youtube.com \
    zapto.org"
);

/// Names below those, and others, at which everybody signs in, writes, shares or fetches: whoever blocks one blocks all of it.
static DOORS: Words = words!(
    "cdn.discordapp.com firebasestorage.googleapis.com forms.gle goo.gl lh3.googleusercontent.com login.live.com media.discordapp.net \
    objects.githubusercontent.com onedrive.live.com outlook.live.com outlook.office365.com raw.githubusercontent.com \
    storage.googleapis.com youtu.be"
);

/// Hosts of which every name below is their own: nobody else has one there.
static OWN: Words = words!(
    "discord.com docusign.com docusign.net dropbox.com facebook.com github.com google.com icloud.com instagram.com linkedin.com \
    microsoft.com microsoftonline.com office.com reddit.com spotify.com telegram.org tiktok.com twitter.com whatsapp.com x.com \
    youtube.com"
);

/// Labels under which countries have names registered: `example.co.uk`.
static SECOND_LEVEL: Words = words!("ac co com edu gob gov ltd me mil ne net nom or org plc sch web");

/// Extensions of what is fetched and stays what it is whoever fetches it, unlike pages.
static PAYLOADS: Words = words!(
    "7z apk app bat bin bz2 cab chm class cmd com cpl css csv dat db deb dll dmg doc docm docx dylib elf exe gif gz hta ico \
    img ipa iso jar jpeg jpg js jse json lnk mobileconfig mp3 mp4 msi msix ocx pdf pkg plist png ppt pptx ps1 rar rtf scr \
    sct sh so svg sys tar tgz txt vbe vbs xls xlsx zip"
);

/// What a parameter's name says of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// Whom or whose machine.
    Personal,
    /// Good for one person or one visit.
    OneTime,
    /// The same, unless the host is everybody's.
    Access,
}

pub(super) fn named(name: &str) -> Option<Named> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    match plain.as_str() {
        plain if PERSONAL.contains(plain) => Some(Named::Personal),
        plain if ACCESS.contains(plain) => Some(Named::Access),
        plain if ONE_TIME.contains(plain) => Some(Named::OneTime),
        _ => None,
    }
}

pub(super) fn comes_before_one_time(segment: &str) -> bool {
    BEFORE_ONE_TIME.contains(segment.to_ascii_lowercase().as_str())
}

/// Whether everybody can have a page or a name at the host.
pub(super) fn is_shared(host: &str) -> bool {
    let mut names = std::iter::successors(Some(host), |name| name.split_once('.').map(|(_, parent)| parent));
    names.any(|name| SHARED.contains(name))
}

/// Whether it is such a host itself, or a door of one, and not somebody's name below it.
pub(super) fn is_everybodys(host: &str) -> bool {
    let host = host.strip_prefix("www.").unwrap_or(host);
    let mut names = std::iter::successors(Some(host), |name| name.split_once('.').map(|(_, parent)| parent));
    SHARED.contains(host) || DOORS.contains(host) || names.any(|name| OWN.contains(name))
}

/// How many labels of a name somebody registered: two, and three under the commonest second-level labels of countries. Short of the public suffix list, whose
/// licence keeps it out of here.
pub(super) fn registered_labels(labels: &[&str]) -> usize {
    match labels {
        [.., second, country] if country.len() == 2 && SECOND_LEVEL.contains(second) => 3,
        _ => 2,
    }
}

pub(super) fn is_payload(extension: &str) -> bool {
    PAYLOADS.contains(extension.to_ascii_lowercase().as_str())
}
