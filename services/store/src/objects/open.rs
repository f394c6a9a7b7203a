//! Opening an object store by its URL. One in a cloud also signs links, with which somebody who has no account there may
//! read one file for a while.

use std::sync::Arc;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{Error, ObjectStore, ObjectStoreScheme};
use url::Url;

/// A store that is not on the local disk.
pub(super) struct Remote {
    pub store: Arc<dyn ObjectStore>,
    pub signer: Option<Arc<dyn Signer>>,
    pub prefix: Path,
}

/// Builds the store of a cloud, whose settings are in their usual environment variables.
macro_rules! build {
    ($builder:ty, $url:expr, $prefix:expr) => {{
        let builder = std::env::vars().fold(<$builder>::new().with_url($url.as_str()), |builder, (name, value)| {
            match name.to_ascii_lowercase().parse() {
                Ok(key) => builder.with_config(key, value),
                Err(_) => builder,
            }
        });
        let store = Arc::new(builder.build()?);
        Remote { signer: Some(Arc::clone(&store) as Arc<dyn Signer>), store, prefix: $prefix }
    }};
}

pub(super) fn remote(url: &Url) -> Result<Remote, Error> {
    let (scheme, prefix) = ObjectStoreScheme::parse(url)?;
    Ok(match scheme {
        ObjectStoreScheme::AmazonS3 => build!(AmazonS3Builder, url, prefix),
        ObjectStoreScheme::GoogleCloudStorage => build!(GoogleCloudStorageBuilder, url, prefix),
        ObjectStoreScheme::MicrosoftAzure => build!(MicrosoftAzureBuilder, url, prefix),
        _ => {
            let (store, prefix) = object_store::parse_url_opts(url, std::env::vars())?;
            Remote { store: Arc::from(store), signer: None, prefix }
        }
    })
}
