//! Compiles `proto/` with protox, so that no protoc is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    #[cfg(feature = "node")]
    {
        use prost::Message;
        let files = ["watchfire/v1/record.proto", "watchfire/v1/link.proto", "watchfire/v1/pairing.proto"];
        let descriptors = protox::compile(files, ["proto"])?;
        let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
        std::fs::write(out.join("watchfire.bin"), descriptors.encode_to_vec())?;
        tonic_prost_build::configure().build_transport(false).bytes(".watchfire.v1.Batch.chunk").compile_fds(descriptors)?;
    }
    Ok(())
}
