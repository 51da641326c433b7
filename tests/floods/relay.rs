//! Passes bytes on, from another address of this machine.

use crate::apart;
use std::io::Error;
use std::net::SocketAddr;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use watchfire::model::identity::Endpoint;

pub struct Relay {
    pub endpoint: Endpoint,
}

impl Relay {
    pub async fn from(source: [u8; 4], to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = listener.local_addr().unwrap().to_string().parse().unwrap();
        apart::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                apart::spawn(async move {
                    if let Ok(mut far) = connect_from(source, to).await {
                        let _ = (near.set_nodelay(true), far.set_nodelay(true));
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        Self { endpoint }
    }
}

/// Connects from that address; from any where the platform has no such address.
pub async fn connect_from(source: [u8; 4], to: SocketAddr) -> Result<TcpStream, Error> {
    let socket = TcpSocket::new_v4()?;
    let _ = socket.bind((source, 0).into());
    socket.connect(to).await
}
