//! Writes a file of a given size with made-up indicators, to see what an import of that size costs: `make_big stix|misp|csv|text MIB > FILE`.
//!
//! Every value is another one. What the indicators refer to (markings, names, the event's tags) stands behind them all, so that a reader must
//! keep them until the end. The same arguments give the same bytes. Domains are under `example.org`, addresses in 45.0.0.0/8, since private ones are not let out.

use std::io::{self, BufWriter, Write};

/// Counts what is written.
struct Out<W> {
    inner: W,
    bytes: u64,
}

impl<W: Write> Write for Out<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [format, size] = arguments.as_slice() else { return Err("usage: make_big stix|misp|csv|text MIB".into()) };
    let size = size.parse::<u64>()? << 20;
    let mut out = Out { inner: BufWriter::with_capacity(1 << 20, io::stdout().lock()), bytes: 0 };
    let count = match format.as_str() {
        "stix" => stix(&mut out, size)?,
        "misp" => misp(&mut out, size)?,
        "csv" => csv(&mut out, size)?,
        "text" => text(&mut out, size)?,
        _ => return Err("usage: make_big stix|misp|csv|text MIB".into()),
    };
    out.flush()?;
    eprintln!("{count} values, {} bytes", out.bytes);
    Ok(())
}

/// Numbers in an order that looks like none, each once: odd factors are invertible modulo 2^64.
fn scattered(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A value of the mix that real files have, and its kind here.
fn value(n: u64) -> (&'static str, String) {
    let mixed = scattered(n);
    match n % 10 {
        0..4 => ("domain", format!("{:x}.{:x}.example.org", mixed >> 24, mixed & 0xff_ffff)),
        4..7 => ("url", format!("https://{:x}.{:x}.example.org/login/index.php", mixed >> 24, mixed & 0xff_ffff)),
        7 => {
            let [.., a, b, c] = (n / 10).to_be_bytes();
            ("ipv4", format!("45.{a}.{b}.{c}"))
        }
        8 => ("sha256", format!("{mixed:016x}{n:016x}{:016x}{:016x}", scattered(mixed), !mixed)),
        _ => ("email", format!("{:x}@{:x}.example.org", mixed & 0xffff_ffff, n)),
    }
}

fn stix<W: Write>(out: &mut Out<W>, size: u64) -> io::Result<u64> {
    write!(out, "{{\"type\":\"bundle\",\"id\":\"bundle--00000000-0000-4000-8000-000000000000\",\"objects\":[")?;
    let mut n = 0;
    while out.bytes < size {
        let (kind, value) = value(n);
        let path = match kind {
            "domain" => "domain-name:value",
            "url" => "url:value",
            "ipv4" => "ipv4-addr:value",
            "sha256" => "file:hashes.'SHA-256'",
            _ => "email-addr:value",
        };
        writeln!(
            out,
            "{{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--00000000-0000-4000-8000-{n:012x}\",\
             \"created_by_ref\":\"identity--00000000-0000-4000-8000-000000000001\",\
             \"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-01T00:00:00.000Z\",\
             \"name\":\"Infrastructure seen in campaign {}\",\"indicator_types\":[\"malicious-activity\"],\
             \"pattern\":\"[{path} = '{value}']\",\"pattern_type\":\"stix\",\"valid_from\":\"2026-01-01T00:00:00Z\",\
             \"object_marking_refs\":[\"marking-definition--00000000-0000-4000-8000-000000000002\"]}},",
            n % 100
        )?;
        n += 1;
    }
    write!(
        out,
        "{{\"type\":\"marking-definition\",\"id\":\"marking-definition--00000000-0000-4000-8000-000000000002\",\
         \"definition_type\":\"tlp\",\"definition\":{{\"tlp\":\"green\"}}}},\
         {{\"type\":\"identity\",\"id\":\"identity--00000000-0000-4000-8000-000000000001\",\"name\":\"Made up\"}}]}}"
    )?;
    Ok(n)
}

fn misp<W: Write>(out: &mut Out<W>, size: u64) -> io::Result<u64> {
    write!(
        out,
        "{{\"Event\":{{\"uuid\":\"00000000-0000-4000-8000-000000000000\",\"info\":\"Made up\",\"date\":\"2026-01-01\",\"Attribute\":["
    )?;
    let mut n = 0;
    while out.bytes < size {
        let (kind, value) = value(n);
        let kind = match kind {
            "ipv4" => "ip-dst",
            "email" => "email-src",
            other => other,
        };
        let comma = if n > 0 { "," } else { "" };
        writeln!(
            out,
            "{comma}{{\"uuid\":\"00000000-0000-4000-8000-{n:012x}\",\"type\":\"{kind}\",\"category\":\"Network activity\",\"to_ids\":true,\
             \"timestamp\":\"1767225600\",\"comment\":\"seen in campaign {}\",\"value\":\"{value}\"}}",
            n % 100
        )?;
        n += 1;
    }
    write!(out, "],\"Tag\":[{{\"name\":\"tlp:green\"}}]}}}}")?;
    Ok(n)
}

fn csv<W: Write>(out: &mut Out<W>, size: u64) -> io::Result<u64> {
    writeln!(out, "value,type,tlp,campaign,first_seen")?;
    let mut n = 0;
    while out.bytes < size {
        let (kind, value) = value(n);
        writeln!(out, "{value},{kind},green,campaign {},2026-01-01", n % 100)?;
        n += 1;
    }
    Ok(n)
}

fn text<W: Write>(out: &mut Out<W>, size: u64) -> io::Result<u64> {
    let mut n = 0;
    while out.bytes < size {
        writeln!(out, "{}", value(n).1)?;
        n += 1;
    }
    Ok(n)
}
