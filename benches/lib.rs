//! Benches of `koodrive-share`: see PERFORMANCE.md. There is no library here.
