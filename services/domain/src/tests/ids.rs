use super::vin;
use crate::id::{HardwareId, IdError, ModelId, Sha256, Vin};

#[test]
fn a_vin_has_17_characters_without_i_o_and_q() {
    assert!(Vin::parse("WVWZZZ1KZAW000001").is_ok());
    for bad in [
        "",
        "WVWZZZ1KZAW00000",
        "WVWZZZ1KZAW0000012",
        "WVWZZZ1KZAW00000I",
        "WVWZZZ1KZAW00000O",
        "WVWZZZ1KZAW00000Q",
        "wvwzzz1kzaw000001",
        "WVWZZZ1KZAW00000 ",
        "WVWZZZ1KZAW00000\n",
        "WVWZZZ1KZAW0000Ä",
    ] {
        assert_eq!(Vin::parse(bad), Err(IdError::Vin(bad.to_owned())), "{bad:?}");
    }
}

#[test]
fn check_digits_of_real_vins_hold() {
    for real in [
        "11111111111111111", // the rule's own test value
        "1M8GDM9AXKP042788", // its example with the check digit X
        "5GZCZ43D13S812715",
        "JH4TB2H26CC000000",
        "JH4KA7561PC008269",
        "1HGCM82633A004352",
    ] {
        assert!(vin(real).check_digit_holds(), "{real}");
    }
}

#[test]
fn a_typing_error_breaks_the_check_digit() {
    for mistyped in ["11111111211111111", "1M8GDM9AXKP042789", "1M8GDM9AXKP047288", "1HGCM82630A004352"] {
        assert!(!vin(mistyped).check_digit_holds(), "{mistyped}");
    }
}

#[test]
fn a_european_vin_without_check_digit_is_still_a_vin() {
    let european = vin("WVWZZZ1KZAW000001");
    assert!(!european.check_digit_holds());
}

#[test]
fn a_model_id_is_fit_to_be_part_of_a_topic_name() {
    for good in ["a", "harbour-2025", "0", "-", &"a".repeat(64)] {
        assert!(ModelId::parse(good).is_ok(), "{good:?}");
    }
    for bad in ["", "Harbour", "a.b", "a_b", "a b", "ä", "a/b", &"a".repeat(65)] {
        assert!(ModelId::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_hardware_id_begins_with_a_letter_or_digit() {
    for good in ["BCM", "ecu.1", "A-b_c.9", "7"] {
        assert!(HardwareId::parse(good).is_ok(), "{good:?}");
    }
    for bad in ["", ".BCM", "-x", "_x", "B CM", "B/CM", "Ä", &"x".repeat(65)] {
        assert!(HardwareId::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_sha256_is_lowercase_hex_of_full_length() {
    assert!(Sha256::parse(&"0af9".repeat(16)).is_ok());
    for bad in ["0AF9".repeat(16), "0af9".repeat(15), "0ag9".repeat(16), "0af9".repeat(17)] {
        assert!(Sha256::parse(&bad).is_err(), "{bad:?}");
    }
}

#[test]
fn an_id_is_checked_when_it_arrives_in_json() {
    assert!(serde_json::from_str::<Vin>("\"WVWZZZ1KZAW000001\"").is_ok());
    let error = serde_json::from_str::<Vin>("\"WVWZZZ1KZAW00000O\"").unwrap_err().to_string();
    assert!(error.contains("without I, O and Q"), "{error}");
}

#[test]
fn an_error_quotes_only_the_beginning_of_what_a_stranger_sent() {
    let error = ModelId::parse(&"ü".repeat(100_000)).unwrap_err().to_string();
    assert!(error.len() < 300, "{} bytes", error.len());
}
