//! Splitting invents nothing, loses nothing it could read, and stays within its bound.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let split = normalize::audit::split::split(bytes, 100);
    assert!(split.items.len() <= 100);
    let total: usize = split.items.iter().map(|item| item.len()).sum::<usize>() + split.rest.map_or(0, <[u8]>::len);
    assert!(total <= bytes.len());
    if let Ok(list) = serde_json::from_slice::<serde_json::Value>(bytes)
        && let Some(items) = list.get("items").and_then(|items| items.as_array())
        && split.form == normalize::audit::split::Form::EventList
        && items.len() <= 100
    {
        // Of two members with one key serde_json keeps the last, we the first: compare the rest.
        if bytes.windows(7).filter(|w| w == b"\"items\"").count() == 1 && !bytes.contains(&b'\\') {
            assert_eq!(split.items.len(), items.len());
        }
    }
});
