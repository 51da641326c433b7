//! A mail, by lettre, over a connection of our own.

use super::{Channel, net};
use crate::config::notify::Security;
use crate::model::Timestamp;
use crate::rules::notify::{Fault, Message as Told};
use lettre::Message;
use lettre::address::Envelope;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, UNIX_EPOCH};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Where mails are given away.
pub(super) struct Server<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) login: Option<&'a (String, PathBuf)>,
}

/// Sends the notice under its id. Several recipients do not learn of each other.
pub(super) async fn send(
    channel: &Channel,
    server: &Server<'_>,
    from: &Mailbox,
    to: &[Mailbox],
    told: &Told,
    now: Timestamp,
) -> Result<(), Fault> {
    let mail = mail(from, to, told, now).ok_or(Fault::Smtp(0))?;
    let mut connection = logged_in(channel, server).await?;
    connection.send(mail.envelope(), &mail.formatted()).await.map_err(|error| fault(&error))?;
    // It was taken; how the server says good-bye changes nothing.
    let _ = connection.quit().await;
    Ok(())
}

/// Connects and logs in, and says good-bye.
pub(super) async fn reach(channel: &Channel, server: &Server<'_>) -> Result<(), Fault> {
    let _ = logged_in(channel, server).await?.quit().await;
    Ok(())
}

async fn logged_in(channel: &Channel, server: &Server<'_>) -> Result<AsyncSmtpConnection, Fault> {
    let mut connection = connect(channel, server).await?;
    if let Some((user, password)) = server.login {
        let credentials = Credentials::new(user.clone(), channel.secret(password)?.to_string());
        connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await.map_err(|error| fault(&error))?;
    }
    Ok(connection)
}

/// This machine's name is not told.
fn hello() -> ClientId {
    ClientId::Ipv4(std::net::Ipv4Addr::LOCALHOST)
}

async fn connect(channel: &Channel, server: &Server<'_>) -> Result<AsyncSmtpConnection, Fault> {
    let stream = net::dial(channel, server.host, server.port).await?;
    let failed = |error| fault(&error);
    match server.security {
        Security::Plain => AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello()).await.map_err(failed),
        Security::Tls => {
            let stream = Encrypted(net::tls(channel, stream, server.host).await?);
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello()).await.map_err(failed)
        }
        Security::Starttls => {
            let mut connection = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello()).await.map_err(failed)?;
            if !connection.can_starttls() {
                return Err(Fault::Tls);
            }
            connection.starttls(tls_parameters(channel, server.host)?, &hello()).await.map_err(failed)?;
            Ok(connection)
        }
    }
}

fn tls_parameters(channel: &Channel, host: &str) -> Result<TlsParameters, Fault> {
    let mut parameters = TlsParameters::builder(host.to_owned());
    if let Some(pem) = channel.ca()? {
        parameters = parameters.certificate_store(CertificateStore::None);
        parameters = parameters.add_root_certificate(Certificate::from_pem(&pem).map_err(|_| Fault::File)?);
    }
    parameters.build().map_err(|_| Fault::File)
}

fn fault(error: &lettre::transport::smtp::Error) -> Fault {
    match error.status().and_then(|code| code.to_string().parse().ok()) {
        Some(code) => Fault::Smtp(code),
        None if error.is_tls() || has_tls_inside(error) => Fault::Tls,
        None if error.is_timeout() => Fault::TimedOut,
        None => Fault::Smtp(0),
    }
}

/// What rustls refuses comes as an error of the connection.
fn has_tls_inside(error: &lettre::transport::smtp::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let io = inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if inner.is::<rustls::Error>() || io.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        source = inner.source();
    }
    false
}

/// The mail: a subject and a few lines without content. Its `Message-ID` is the notice's id, so that one that is sent twice is one mail in most readers.
fn mail(from: &Mailbox, to: &[Mailbox], told: &Told, now: Timestamp) -> Option<Message> {
    let header = |name, value: String| Some(HeaderValue::new(HeaderName::new_from_ascii(String::from(name)).ok()?, value));
    let seen = match to {
        [one] => one.email.to_string(),
        _ => "undisclosed-recipients:;".into(),
    };
    let envelope = Envelope::new(Some(from.email.clone()), to.iter().map(|one| one.email.clone()).collect()).ok()?;
    let builder = Message::builder()
        .from(from.clone())
        .raw_header(header("To", seen)?)
        .raw_header(header("Auto-Submitted", "auto-generated".into())?)
        .date(UNIX_EPOCH + Duration::from_millis(now.0))
        .message_id(Some(format!("<{}@watchfire.invalid>", told.id())))
        .subject(told.subject())
        .envelope(envelope);
    builder.header(ContentType::TEXT_PLAIN).body(told.text()).ok()
}

/// A connection under TLS, as lettre takes one.
#[derive(Debug)]
struct Encrypted(TlsStream<TcpStream>);

impl AsyncTokioStream for Encrypted {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().0.peer_addr()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::desk::Role;
    use crate::model::{NoticeId, ShortId};
    use crate::rules::notify::{Event, Notice};

    #[test]
    fn a_mail_has_no_more_than_its_notice() {
        let notice = Notice::new(Event::OfferArrived, b"x", Role::Handler, Timestamp(1_795_339_800_000));
        let told = Told::One(Notice { id: NoticeId([0; 16]), referral: Some(ShortId([7; 5])), ..notice });
        let (from, one) = ("watchfire@desk.example".parse().unwrap(), "amina@desk.example".parse().unwrap());
        let two: [Mailbox; 2] = ["Amina <amina@desk.example>".parse().unwrap(), "omar@desk.example".parse().unwrap()];
        let text = |to: &[Mailbox]| String::from_utf8(mail(&from, to, &told, Timestamp(1_795_339_860_000)).unwrap().formatted()).unwrap();
        let expected = "From: watchfire@desk.example\r\n\
            To: amina@desk.example\r\n\
            Auto-Submitted: auto-generated\r\n\
            Date: Sun, 22 Nov 2026 09:31:00 +0000\r\n\
            Message-ID: <aaaaaaaaaaaaaaaaaaaaaaaaaa@watchfire.invalid>\r\n\
            Subject: watchfire: a referral waits (a4dqobyh)\r\n\
            Content-Type: text/plain; charset=utf-8\r\n\
            Content-Transfer-Encoding: 7bit\r\n\r\n\
            a referral waits\r\n\r\n\
            referral  a4dqobyh\r\n\
            for       handler\r\n\
            when      2026-11-22T09:30:00Z\r\n\
            notice    aaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n\
            What it is stands at the desk alone: `watchfire show a4dqobyh`.\r\n";
        assert_eq!(text(&[one]), expected);
        assert_eq!(text(&two), expected.replace("To: amina@desk.example", "To: undisclosed-recipients:;"));
    }
}
