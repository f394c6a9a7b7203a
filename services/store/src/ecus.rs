//! A condition that several statements share.

/// Whether the releases `$one` and `$other`, two columns, have images for one of the same ECUs.
macro_rules! same_ecu {
    ($one:literal, $other:literal) => {
        concat!(
            "EXISTS (SELECT FROM release_images i JOIN release_images j ON j.hardware_id = i.hardware_id WHERE i.release_id = ",
            $one,
            " AND j.release_id = ",
            $other,
            ")"
        )
    };
}
pub(crate) use same_ecu;
