//! What a pair of files takes as a delta, by the production code. `ops/bench delta` runs it: NAME OLD NEW BSDIFF_BYTES BSDIFF_MS
//! and again, where the last two are what the `bsdiff` tool made. Prints a table; the last line is one JSON object.

use std::io::Cursor;
use std::process::ExitCode;
use std::time::Instant;

use otaru_domain::delta::{Algorithm, MakeError, apply, is_worth_it, make};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut pairs = Vec::new();
    for pair in arguments.chunks(5) {
        match measure(pair) {
            Ok(json) => pairs.push(json),
            Err(error) => {
                eprintln!("{pair:?}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    println!("{{\"pairs\": [{}]}}", pairs.join(", "));
    ExitCode::SUCCESS
}

/// What was made, and the milliseconds it took.
fn made(algorithm: Algorithm, old: &[u8], new: &[u8]) -> Result<(u64, u128, u128), Box<dyn std::error::Error>> {
    let begin = Instant::now();
    let delta = make(algorithm, old, new, &|| true).map_err(|error: MakeError| error.to_string())?;
    let build_ms = begin.elapsed().as_millis();
    let (begin, mut image) = (Instant::now(), Vec::new());
    apply(algorithm, delta.as_slice(), Cursor::new(old), old.len() as u64, new.len() as u64, &mut image)?;
    if image != new {
        return Err("the delta does not give the new file".into());
    }
    Ok((delta.len() as u64, build_ms, begin.elapsed().as_millis()))
}

fn measure(pair: &[String]) -> Result<String, Box<dyn std::error::Error>> {
    let [name, old, new, tool_bytes, tool_ms] = pair else { return Err("NAME OLD NEW BSDIFF_BYTES BSDIFF_MS".into()) };
    let (old, new) = (std::fs::read(old)?, std::fs::read(new)?);
    let (tool_bytes, tool_ms): (u64, u64) = (tool_bytes.parse()?, tool_ms.parse()?);
    let whole = new.len() as u64;
    let plain = made(Algorithm::Zstd, &[], &new)?;
    let patch = made(Algorithm::ZstdPatchFrom, &old, &new)?;
    let bsdiff = made(Algorithm::BsdiffZstd, &old, &new)?;
    // As the engine chooses.
    let (algorithm, best) =
        if bsdiff.0 < patch.0 { (Algorithm::BsdiffZstd, bsdiff.0) } else { (Algorithm::ZstdPatchFrom, patch.0) };
    let chosen = if is_worth_it(best, plain.0.min(whole)) {
        (algorithm.as_str(), best)
    } else if is_worth_it(plain.0, whole) {
        (Algorithm::Zstd.as_str(), plain.0)
    } else {
        ("whole", whole)
    };
    println!("{name}: {whole} bytes, from a file of {}", old.len());
    for (what, (bytes, build_ms, apply_ms)) in
        [("zstd -19", plain), ("zstd patch-from", patch), ("bsdiff + zstd", bsdiff)]
    {
        println!("  {what:<16} {bytes:>10} bytes   built in {build_ms:>6} ms   applied in {apply_ms:>4} ms");
    }
    println!("  {:<16} {tool_bytes:>10} bytes   built in {tool_ms:>6} ms   (the bsdiff tool)", "bsdiff alone");
    println!("  {:<16} {:>10} bytes   {}", "chosen", chosen.1, chosen.0);
    Ok(format!(
        "{{\"name\": \"{name}\", \"whole\": {whole}, \"zstd_19\": {}, \"zstd_19_ms\": {}, \"patch_from\": {}, \"patch_from_ms\": {}, \
         \"bsdiff_zstd\": {}, \"bsdiff_zstd_ms\": {}, \"bsdiff\": {tool_bytes}, \"bsdiff_ms\": {tool_ms}, \"chosen\": \"{}\", \
         \"chosen_bytes\": {}}}",
        plain.0, plain.1, patch.0, patch.1, bsdiff.0, bsdiff.1, chosen.0, chosen.1
    ))
}
