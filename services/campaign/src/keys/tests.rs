use super::*;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn keys_are_private_and_made_once() {
    let dir = tempfile::tempdir().unwrap();
    let keys = KeyStore::open(&dir.path().join("keys"), false).unwrap();
    let model = ModelId::parse("harbour-2025").unwrap();
    let made = keys.create(&model).unwrap();
    assert_eq!(mode(&dir.path().join("keys")), 0o700);
    assert_eq!(mode(&dir.path().join("keys/harbour-2025")), 0o700);
    assert_eq!(mode(&dir.path().join("keys/harbour-2025/targets.pem")), 0o600);
    let again = KeyStore::open(&dir.path().join("keys"), false).unwrap().create(&model).unwrap();
    assert_eq!(made.targets.id(), again.targets.id());
    assert_ne!(made.targets.id(), made.snapshot.id());
    assert_eq!(std::fs::read_dir(dir.path().join("keys/harbour-2025")).unwrap().count(), 4);
}

#[test]
fn a_key_that_exists_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.pem");
    write_new(&path, b"first").unwrap();
    write_new(&path, b"second").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"first");
    assert!(matches!(read_or_make(&path), Err(KeyStoreError::Broken { .. })));
}

#[test]
fn a_number_is_never_used_twice() {
    let dir = tempfile::tempdir().unwrap();
    let model = ModelId::parse("m").unwrap();
    let (keys, other) = (KeyStore::open(dir.path(), false).unwrap(), KeyStore::open(dir.path(), false).unwrap());
    let first = keys.create(&model).unwrap().timestamp;
    let second = keys.make_next(&model, Role::Timestamp, None).unwrap();
    let seen = other.online_keys(&model).unwrap();
    assert_eq!((seen.timestamp.id(), seen.earlier.len()), (second.id(), 1));
    assert_eq!(mode(&dir.path().join("m/timestamp.2.pem")), 0o600);
    assert_eq!(keys.revoke(&model, second.id()).unwrap(), Role::Timestamp);
    assert!(!dir.path().join("m/timestamp.2.pem").exists());
    assert!(matches!(keys.revoke(&model, second.id()), Err(KeyStoreError::Unknown(..))));
    assert_eq!(other.online_keys(&model).unwrap().timestamp.id(), first.id());
    let third = keys.make_next(&model, Role::Timestamp, None).unwrap();
    assert!(dir.path().join("m/timestamp.3.pem").exists());
    assert_eq!(other.online_keys(&model).unwrap().timestamp.id(), third.id());
    assert_eq!(keys.create(&model).unwrap().timestamp.id(), third.id());
}

#[test]
fn a_key_that_does_not_sign_or_has_a_role_takes_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let model = ModelId::parse("m").unwrap();
    let keys = KeyStore::open(dir.path(), false).unwrap();
    keys.create(&model).unwrap();
    for text in ["env:OTARU_KEY_THAT_IS_NOT_SET", "pkcs11:token=a;object=b"] {
        let made = keys.make_next(&model, Role::Timestamp, Some(&text.parse().unwrap()));
        assert!(matches!(made, Err(KeyStoreError::Reference { .. })), "{text}");
    }
    let reference: KeyReference = "pkcs11:token=a;object=b".parse().unwrap();
    assert!(!keys.is_used(&reference).unwrap());
    write_new(&dir.path().join("other/targets.2.ref"), reference.to_string().as_bytes()).unwrap();
    assert!(keys.is_used(&reference).unwrap());
    assert_eq!(std::fs::read_dir(dir.path().join("m")).unwrap().count(), 4, "nothing was written");
}

#[test]
fn root_keys_are_here_only_in_a_demo() {
    let dir = tempfile::tempdir().unwrap();
    let model = ModelId::parse("m").unwrap();
    let offline = KeyStore::open(dir.path(), false).unwrap();
    assert!(matches!(offline.root_key(&model), Err(KeyStoreError::NoRootKeys)));
    assert!(matches!(offline.online_keys(&model), Err(KeyStoreError::Missing { .. })));
    assert!(KeyStore::open(dir.path(), true).unwrap().root_key(&model).is_ok());
}
