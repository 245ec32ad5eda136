//! Writes the Hub's description of its API to standard output: what is kept as docs/openapi.json.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", hub::describe_api().ok_or("it cannot be written")?);
    Ok(())
}
