//! What `ci/bench/hub` compares the Hub with: a handler that answers with a file's bytes from memory,
//! and does nothing else.

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::header::CONTENT_TYPE;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args_os().nth(1).ok_or("usage: bare FILE")?;
    let bytes = Bytes::from(std::fs::read(file)?);
    let answer = async move || ([(CONTENT_TYPE, "application/json")], bytes);
    let path = "/api/v1/releases/{product}/latest/{os}/{arch}";
    let router = Router::new().route(path, get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}
