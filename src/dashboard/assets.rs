//! The files of the pages: a style sheet, a script, a sprite of icons. The name of each has a hash of its content, so that
//! browsers may keep it for a year.

use std::io::Write as _;
use std::sync::LazyLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderValue;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use sha2::{Digest as _, Sha256};

use crate::http::body;
use crate::http::head::Head;
use crate::http::problem::{Code, Problem};
use crate::http::route::HttpResponse;
use crate::service::Authority;
use crate::text::hex;

struct Asset {
    file: &'static str,
    /// The path with the hash.
    path: String,
    media_type: &'static str,
    plain: Bytes,
    gzip: Bytes,
}

static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        Asset::new("page.css", "text/css; charset=utf-8", include_bytes!("assets/page.css")),
        Asset::new("page.js", "text/javascript; charset=utf-8", include_bytes!("assets/page.js")),
        Asset::new("icons.svg", "image/svg+xml", include_bytes!("assets/icons.svg")),
    ]
});

impl Asset {
    fn new(file: &'static str, media_type: &'static str, content: &'static [u8]) -> Self {
        let hash = hex(&Sha256::digest(content)[..6]);
        let path = file.split_once('.').map_or_else(
            || format!("/assets/{file}"),
            |(name, ending)| format!("/assets/{name}-{hash}.{ending}"),
        );
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail.
        let written = gzip.write_all(content).and_then(|()| gzip.finish()).unwrap_or_default();
        Self { file, path, media_type, plain: Bytes::from_static(content), gzip: written.into() }
    }
}

/// The path of a file; empty if there is no such file.
pub(super) fn path(file: &str) -> &'static str {
    ASSETS.iter().find(|asset| asset.file == file).map_or("", |asset| asset.path.as_str())
}

/// Serves a file.
pub(super) fn fetch(_: &Authority, head: &Head) -> Result<HttpResponse, Problem> {
    let wanted = head.param("name");
    let asset = ASSETS.iter().find(|asset| asset.path.strip_prefix("/assets/") == Some(wanted));
    let asset = asset.ok_or_else(|| Problem::of(Code::NotFound, "no file of this version has this name"))?;
    let lines = head.headers().get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let gzip = lines.flat_map(|line| line.split(',')).any(|coding| coding.trim() == "gzip");
    let mut answer =
        HttpResponse::new(body::full(if gzip { asset.gzip.clone() } else { asset.plain.clone() }));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(answer)
}
