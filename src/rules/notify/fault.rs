//! Why a notice was not delivered, as it is kept and shown: never an address, a secret or what the other side wrote.

/// Why a notice was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The name cannot be resolved, or nobody answers there.
    Unreachable,
    /// The proxy does not reach it.
    Proxy,
    /// The certificate is not one to trust, or TLS cannot be spoken.
    Tls,
    /// It took too long.
    TimedOut,
    /// The web server answered with this status.
    Http(u16),
    /// The mail server answered with this code; 0 for what is no answer.
    Smtp(u16),
    /// The program ended with this code; 256 where a signal ended it.
    Exit(u16),
    /// The program could not be started.
    NotStarted,
    /// A file with a secret or a certificate cannot be read, is readable by others, or holds something else.
    File,
}

impl Fault {
    /// Its stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::TimedOut => "timeout",
            Self::Http(_) => "http",
            Self::Smtp(_) => "smtp",
            Self::Exit(_) => "exit",
            Self::NotStarted => "not_started",
            Self::File => "file",
        }
    }

    /// Its numbers in the store.
    pub const fn numbers(self) -> (u8, u16) {
        match self {
            Self::Unreachable => (1, 0),
            Self::Proxy => (2, 0),
            Self::Tls => (3, 0),
            Self::TimedOut => (4, 0),
            Self::Http(status) => (5, status),
            Self::Smtp(code) => (6, code),
            Self::Exit(code) => (7, code),
            Self::NotStarted => (8, 0),
            Self::File => (9, 0),
        }
    }

    /// The fault with those numbers.
    pub const fn from_numbers(kind: u8, detail: u16) -> Option<Self> {
        Some(match kind {
            1 => Self::Unreachable,
            2 => Self::Proxy,
            3 => Self::Tls,
            4 => Self::TimedOut,
            5 => Self::Http(detail),
            6 => Self::Smtp(detail),
            7 => Self::Exit(detail),
            8 => Self::NotStarted,
            9 => Self::File,
            _ => return None,
        })
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable => f.write_str("nobody answers there"),
            Self::Proxy => f.write_str("the proxy does not reach it"),
            Self::Tls => f.write_str("its certificate is not trusted, or it speaks no TLS"),
            Self::TimedOut => f.write_str("it took too long"),
            Self::Http(status) => write!(f, "the web server answered {status}"),
            Self::Smtp(0) => f.write_str("the mail server broke off, or answered something else"),
            Self::Smtp(code) => write!(f, "the mail server answered {code}"),
            Self::Exit(256) => f.write_str("the program was ended by a signal"),
            Self::Exit(code) => write!(f, "the program ended with {code}"),
            Self::NotStarted => f.write_str("the program cannot be started"),
            Self::File => f.write_str("a file of the channel is missing, readable by others, or not what it must be"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_comes_back_from_its_numbers() {
        for kind in 1..=9 {
            let fault = Fault::from_numbers(kind, 3).expect("a fault");
            let (number, detail) = fault.numbers();
            assert_eq!(Fault::from_numbers(number, detail), Some(fault));
            assert_eq!(number, kind);
            assert!(!fault.code().is_empty() && !fault.to_string().is_empty());
        }
        assert_eq!((Fault::from_numbers(0, 0), Fault::from_numbers(10, 0)), (None, None));
    }
}
