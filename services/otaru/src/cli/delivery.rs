//! How a gateway delivers images: itself and how fast, or by sending vehicles to the object store or a CDN.

use std::num::NonZeroU64;
use std::time::Duration;

use clap::{Args, ValueEnum};
use otaru_gateway::{CdnTemplate, ImageLinks, Limits, Redirects};

/// Images on their way out.
#[derive(Debug, Clone, Args)]
pub struct DeliveryOptions {
    /// Send vehicles to the object store for images, by a link that is signed for a while (s3://, gs:// and az:// only);
    /// vehicles must reach it under the address that the gateway knows. Images with a bandwidth cap are sent from here.
    #[arg(long, env = "OTARU_IMAGE_REDIRECT", value_enum, conflicts_with = "image_cdn_template")]
    image_redirect: Option<RedirectMode>,
    /// For how many seconds such a link may be followed; a download that has begun goes on.
    #[arg(long, env = "OTARU_IMAGE_REDIRECT_SECS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    image_redirect_secs: u64,
    /// Send vehicles to a CDN for images, by this address with {sha256}, {prefix} (its first two digits: the object store has
    /// sha256/{prefix}/{sha256}) and {model} in its path.
    #[arg(long, env = "OTARU_IMAGE_CDN_TEMPLATE")]
    image_cdn_template: Option<CdnTemplate>,
    /// Send devices that speak DDI there, too. SWUpdate follows; others may not.
    #[arg(long, env = "OTARU_DDI_IMAGE_REDIRECT")]
    ddi_image_redirect: bool,
    /// Let only a model's own vehicles have its campaign documents and images, by their token or certificate; metadata stays
    /// open to all. TUF clients that send none are then of no use.
    #[arg(long, env = "OTARU_PRIVATE_TARGETS")]
    pub private_targets: bool,
    /// The most bytes of images that this gateway sends in a second, whoever fetches them.
    #[arg(long, env = "OTARU_MAX_BYTES_PER_SEC", value_parser = parse_rate)]
    max_bytes_per_sec: Option<NonZeroU64>,
    /// The most downloads at a time that share a model's or campaign's bandwidth cap here; more are told when to come back.
    #[arg(long, env = "OTARU_MAX_DOWNLOADS_PER_CAP", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    max_downloads_per_cap: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RedirectMode {
    /// To a link that the object store's credentials sign.
    Presigned,
}

fn parse_rate(text: &str) -> Result<NonZeroU64, String> {
    let rate: NonZeroU64 = text.parse().map_err(|error| format!("{error}"))?;
    if rate.get() >= otaru_domain::rollout::MIN_BYTES_PER_SEC {
        Ok(rate)
    } else {
        Err(format!("at least {} bytes per second", otaru_domain::rollout::MIN_BYTES_PER_SEC))
    }
}

impl DeliveryOptions {
    pub fn limits(&self) -> Limits {
        Limits { bytes_per_sec: self.max_bytes_per_sec, downloads_per_cap: self.max_downloads_per_cap as usize }
    }

    pub fn redirects(&self) -> Redirects {
        let life = Duration::from_secs(self.image_redirect_secs);
        let presigned = self.image_redirect.map(|RedirectMode::Presigned| ImageLinks::Presigned { life });
        let images = presigned.or_else(|| self.image_cdn_template.clone().map(ImageLinks::Cdn));
        Redirects { images, ddi: self.ddi_image_redirect }
    }
}
