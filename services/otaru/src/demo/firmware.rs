//! Real firmware for the demo: the images in Debian's `seabios` and `u-boot-qemu`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// A hardware id with its image in the release before and in the new one.
#[derive(Debug, Clone)]
pub struct Firmware {
    pub hardware_id: &'static str,
    pub name: &'static str,
    pub before: PathBuf,
    pub after: PathBuf,
}

const SEABIOS: &str = "/usr/share/seabios";
const U_BOOT: &str = "/usr/lib/u-boot";

/// What the demo's models are made of.
#[derive(Debug)]
pub struct Shelf {
    /// The ECUs that the good release updates.
    pub good: Vec<Firmware>,
    /// The ECU whose new version does not work.
    pub faulty: Firmware,
}

impl Shelf {
    /// Every ECU of a vehicle.
    pub fn all(&self) -> impl Iterator<Item = &Firmware> {
        self.good.iter().chain([&self.faulty])
    }
}

/// Finds the images.
///
/// # Errors
/// Names the packages when a file is missing.
pub fn find() -> anyhow::Result<Shelf> {
    let file = |folder: &str, name: &str| -> anyhow::Result<PathBuf> {
        let path = Path::new(folder).join(name);
        if !path.is_file() {
            bail!("{} is missing: `apt-get install seabios u-boot-qemu`, or start with --empty", path.display());
        }
        Ok(path)
    };
    let good = vec![
        Firmware {
            hardware_id: "BCM",
            name: "Body control module",
            before: file(SEABIOS, "bios.bin")?,
            after: file(SEABIOS, "bios-256k.bin")?,
        },
        Firmware {
            hardware_id: "TCU",
            name: "Telematics unit",
            before: file(U_BOOT, "qemu_arm/u-boot.bin")?,
            after: file(U_BOOT, "qemu_arm64/u-boot.bin")?,
        },
    ];
    let faulty = Firmware {
        hardware_id: "IVI",
        name: "Head unit",
        before: file(SEABIOS, "vgabios-stdvga.bin")?,
        after: file(SEABIOS, "vgabios-virtio.bin")?,
    };
    Ok(Shelf { good, faulty })
}

/// Reads an image whole: these are small.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
