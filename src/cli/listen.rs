//! `lookout listen`: the endpoint behind the links of messages, until it is told to end.

use std::net::SocketAddr;

use serde_json::json;
use tokio::net::TcpListener;

use super::args::{Exit, Global, Listen};
use super::output::Output;
use crate::app;
use crate::listen::{self, Endpoint};
use crate::opt_out::OptOut;

pub(super) async fn run(
    global: &Global,
    args: &Listen,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config(global)?;
    let opt_out = OptOut::open(&config)?.ok_or_else(|| {
        anyhow::anyhow!(
            "there are no links to answer: put [opt_out] with url and key into lookout.toml"
        )
    })?;
    let topics = super::topics(&config.rules);
    let store = app::store(&config).await?;
    let listener = bind(args.address).await?;
    let address = listener.local_addr()?;
    let stop = listen::told_to_end()?;
    if super::is_json(output) {
        output.json(&json!({ "schema_version": 1, "listening": address.to_string() }));
    } else {
        let outside = opt_out.address();
        output.text(&format!("Listening on {address}; customers reach it as {outside}/…"));
    }
    listen::serve(Endpoint { store, opt_out, topics }, listener, stop).await;
    Ok(Exit::Fine)
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        anyhow::anyhow!(
            "nothing can listen on {address}: {error}; choose another with --address, or end what \
             listens there"
        )
    })
}
