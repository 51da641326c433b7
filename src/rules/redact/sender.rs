//! Senders: whether an e-mail address that no word calls an attacker's is one all the same.

use super::cue::{ATTACKER, PERSON, SENDER, SENT, Seen};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

/// How near a word for a person is that decides against, where nothing says that a mail came from there.
const PERSON_NEAR: usize = 40;

/// Whether three of four things say that it is no person's: a word that a mail came from there, a mailbox of a role, a host that poses as
/// another's, and an attack that the clause before speaks of. A word for a person that is nearer decides against.
pub(super) fn is_sender(seen: &Seen<'_, '_>, range: &Range<usize>, address: &str) -> bool {
    const BESIDE: usize = 14;
    let (local, host) = address.rsplit_once('@').unwrap_or_default();
    let free = FREE.contains(host.split('.').next().unwrap_or(""));
    let (role, lure) = (is_role(local), !free && (is_lure(host) || CHEAP.contains(host.rsplit('.').next().unwrap_or(""))));
    let sent = [seen.before(range, SENDER), seen.after(range, SENT)].into_iter().flatten().map(|near| near.cost).min();
    let sent = sent.filter(|near| *near <= BESIDE);
    // A mailbox of a role is no person's; unless the word right before it says so, and no attack is spoken of.
    if role && lure && (seen.before(range, PERSON).is_none_or(|near| near.cost > 8) || seen.near(range, ATTACKER | SENT).is_some()) {
        return true;
    }
    // `Anna Kim <anna@…>`.
    if seen.view.before(range.start) == Some('<')
        && seen.view.bytes()[..range.start - 1].trim_ascii_end().last().is_some_and(|byte| !b":\n>".contains(byte))
    {
        return false;
    }
    let person = seen.near(range, PERSON).map(|near| near.cost);
    if person.is_some_and(|person| person <= sent.unwrap_or(PERSON_NEAR)) {
        return false;
    }
    // "The phishing mail … came from": what follows the address is as often what its owner reports.
    let clause = seen.clause_start(range.start);
    let attack = seen.cues[..seen.cues.partition_point(|cue| cue.end <= range.start)]
        .iter()
        .rev()
        .take_while(|cue| cue.start >= clause)
        .any(|cue| cue.class & ATTACKER != 0 && cue.class & PERSON == 0);
    let signs = [sent.is_some(), role, lure, attack].into_iter().filter(|sign| *sign).count();
    // Never by the host and the word for a sender alone: organisations that help are called so too.
    signs >= 3
}

/// A host that names a service or what an account needs beside another word: `gmail-alert-hub.app`, `paypal-sync.cc`.
fn is_lure(host: &str) -> bool {
    let Some((name, _)) = host.rsplit_once('.') else { return false };
    let parts: Vec<&str> = name.split(['-', '.']).map(|part| part.trim_end_matches(|c: char| c.is_ascii_digit())).collect();
    (parts.len() > 1 || name.ends_with(|c: char| c.is_ascii_digit())) && parts.iter().any(|part| LURES.contains(part))
        || parts.iter().any(|part| is_joined(part))
}

/// Whether the host of a URL is an attacker's by its name: under a top-level domain that is mostly rented for abuse, or registered under two such words. Names under it
/// (`mail.`, `cloud.`) say nothing, since everybody has them.
pub(super) fn is_lure_host(host: &str) -> bool {
    const SECOND: [&str; 8] = ["ac", "co", "com", "edu", "gov", "net", "or", "org"];
    let labels: Vec<&str> = host.rsplit('.').take(4).collect();
    let (Some(top), Some(second)) = (labels.first(), labels.get(1)) else { return false };
    let name = if top.len() == 2 && SECOND.contains(second) { labels.get(2).unwrap_or(second) } else { second };
    let word = |part: &str| LURES.contains(part) || JOINED.contains(part);
    let parts = name.split('-').map(|part| part.trim_end_matches(|c: char| c.is_ascii_digit()));
    CHEAP.contains(*top) || parts.clone().filter(|part| word(part)).count() >= 2 || parts.clone().any(is_joined)
}

/// `supportteam`: two such words in one.
fn is_joined(part: &str) -> bool {
    let word = |word: &str| LURES.contains(word) || JOINED.contains(word);
    part.is_ascii() && (3..part.len().saturating_sub(1)).any(|at| word(&part[..at]) && word(&part[at..]))
}

/// What stands beside such a word in one with it; alone it says nothing.
static JOINED: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    "access app backup box bridge butler cdn center centre code desk direct doc file form gate global hub info line link login online media meet name net news node now page panel portal press pass point relay safe server site space status storage store sync team tele verify viewer voice web zone".split(' ').collect()
});

/// Top-level domains that are mostly rented for abuse.
static CHEAP: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    "beauty bid biz bond buzz cam cc cf cfd click club cyou date download fun ga gq hair help host icu lat link live loan lol men ml mom monster \
     mov online party pw quest racing rest review sbs shop site skin space store stream support tk top trade vip wang win work xyz zip"
        .split(' ')
        .collect()
});

static LURES: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    "access account accounts akun attachment authenticate authentication alert alerta apple auth banco bank banka banque billing bonus center check cloud compte confirm conta cuenta \
     cuentas delivery dhl docs drive facebook fedex gmail google guvenli guvenlik help helpdesk hesap icloud inbox insta instagram invoice konto login \
     mail meta microsoft node notice office outlook pago pagos pajak parcel payment payments paypal portal post proton pruefung recovery relay \
     secure securite security segura seguranca seguro service share sharing session sicher sicherheit signal signin soporte storage suporte support sync \
     telegram unlock update verifica verificar verify wallet webmail whatsapp zahlung zoom"
        .split(' ')
        .collect()
});

/// Mailboxes of whoever is on duty, and of machines: each part of the name is such a word.
fn is_role(local: &str) -> bool {
    let mut parts = local.split(['.', '-', '_', '+']).map(|part| part.trim_end_matches(|c: char| c.is_ascii_digit())).peekable();
    parts.peek().is_some() && parts.all(|part| ROLES.contains(part))
}

static ROLES: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    "access account accounts admin administrator alert alerts assistance atencion atendimento auth aviso avisos ayuda bank bantuan bilgi billing \
     biuro bot buchhaltung care careers center client cliente clientes clients cloud cobranca cobros confirm confirmation cuentas customer daemon \
     delivery desk destek director do donotreply editor editors dukungan facturacion factures financeiro gerencia guvenlik help helpdesk hilfe hr huduma id info invite invites invoice \
     invoices it jobs keamanan kundendienst legal kundenservice layanan login mail mailer message messages msaada muhasebe musteri news newsletter no \
     noreply not notice notificaciones notification notifications notify obsluga office online order orders pagos paiement paket password payment \
     payments podderzhka pomoc post postmaster press privacy rechnung rechnungen recovery recruitment reply reset root safety sales secure \
     securite security seguranca seguridad server service services servicio shipping sicherheit signin soporte suporte support system tagihan \
     akun alerta alertas bezpieczenstwo bildirim colis comptes compte conta contas cuenta entrega envios hesap hotro kargo konto kurir livraison \
     notificacoes notificacion paket pengiriman poczta posta powiadomienia rachunek servis taarifa verificacao verificacion verifikasi versand yardim \
     banco banka banque team tech update updates verification verify webmail webmaster welcome zahlung zoll"
        .split(' ')
        .collect()
});

/// What hosts are called where anybody has a mailbox: most are people's.
static FREE: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    "aol example fastmail gmail gmx hotmail icloud live mail me msn outlook posteo proton protonmail riseup tutanota ukr web yahoo yandex zoho"
        .split(' ')
        .collect()
});

#[cfg(test)]
mod tests {
    use crate::rules::redact::{Detector, Known};

    fn goes(text: &str) -> bool {
        !Detector::new(&Known::default()).find(text).is_empty()
    }

    #[test]
    fn the_sender_of_a_suspicious_mail_stays_and_a_persons_address_goes() {
        for text in [
            "The message came from service@post-line.cc and wanted me to log in",
            "Надіслали його з press.office(at)metaaccess30(dot)com. Вкладення додано",
            "recebi um e-mail de verify@icloudcenter46.com pedindo dados",
            "İletiyi gönderen adres admin@outlookinfo22.online, ekte",
            "konto@gmail-sync.top 寄來釣魚信",
            "signed by alert@paper-desk.cc today. It was a scam",
            "the other one is alert@proton-login-confirm.net",
            "From: \"Account Team\" <noreply@insta-verify-recovery.cc>",
            "it is admin@supportteam.org",
            "the mailbox notice@chess-pages.icu",
            "The phishing mail with the invoice of last week was sent by m.rossi@gmail-alert-hub.app",
            "Le courriel piégé, avec la facture de la semaine, venait de billing@mondomaine.fr",
        ] {
            assert!(!goes(text), "{text}");
        }
        for text in [
            "A message came from maria.lopez@periodico.mx",
            "We received an e-mail from her colleague info@ngo-desk.org",
            "From: Anna Kim <support@ngo-desk.org>",
            "From: b.kim@paper-desk.cc\nSubject: suspicious mail",
            "A mail came from j.kim77@gmail.com. It has a virus",
            "support@ngo-desk.org",
            "a phishing mail to anna.k@x-news.org",
            "the attacker got into anna.k@x-news.org",
            "oltalama mesajı anna.k@x-news.org adresine geldi",
            "correo hackeado anna.k@x-news.org",
            "взломан ящик anna.k@x-news.org",
            "her own admin@supportteam.org",
            "write to anna@supportteam.org",
            "the attack was yesterday. Her desk: support@ngo-desk.org",
            "phishing. Her login: lucia@periodico.mx desde casa",
            // Who reports an attack.
            "We received an email from amina.yusuf@shelter-nairobi.org about the phishing",
            "Message from amina.yusuf@shelter-nairobi.org. It says that there was an attack",
            "Report sent by amina.yusuf@shelter-nairobi.org: spyware on the phone",
            "Recibimos un correo de lucia.perez@periodico.mx sobre un ataque",
            "Письмо от lucia.perez@periodico.mx об атаке: хакеры",
            "Nachricht von lucia.perez@periodico.mx wegen Phishing",
            "From: amina.yusuf@help-desk.org",
            "Sender: amina.yusuf@legal-support.org",
            "signed by amina.yusuf@access-now.org",
            "office@shelter-nairobi.org got spyware",
            "info@shelter-nairobi.org received a suspicious link",
        ] {
            assert!(goes(text), "{text}");
        }
    }
}
