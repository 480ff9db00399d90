#!/usr/bin/env bash
# Measures what depending on this crate costs: the number of crates, and the time of cold builds. They take turns with
# those of a bare progenitor client of the same spec.
#
#   benches/build_cost.sh [ROUNDS [VARIANT...]]      3 rounds of all by default; some minutes each on two cores
#
# Builds are not incremental, as for a dependency from a registry or from git. For one by path, set CARGO_INCREMENTAL=1.
set -euo pipefail
export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0}
root=$(cd "$(dirname "$0")/.." && pwd)
rounds=${1:-3}
wanted=("${@:2}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

new() { # NAME, then the dependencies
  mkdir -p "$work/$1/src"
  printf '[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2024"\n%s\n' "$1" "$2" >"$work/$1/Cargo.toml"
  cp "$root/Cargo.lock" "$work/$1/" # the same versions of all that both have
  echo >"$work/$1/src/lib.rs"
}

bare() { # NAME, features of reqwest, further dependencies, features of progenitor
  new "$1" "[dependencies]
progenitor-client = \"0.15.1\"
regress = \"0.12\"
reqwest = { version = \"0.13.4\", default-features = false, features = [$2] }
serde = { version = \"1\", features = [\"derive\"] }
serde_json = \"1\"
$3
[build-dependencies]
progenitor = { version = \"0.15.1\", $4 }
serde_json = \"1\""
  cp "$root/openapi/koodrive-share.json" "$work/$1/spec.json"
  cat >"$work/$1/build.rs" <<'RS'
fn main() {
    println!("cargo::rerun-if-changed=spec.json");
    let spec = serde_json::from_str(&std::fs::read_to_string("spec.json").unwrap()).unwrap();
    let client = progenitor::Generator::default().generate_tokens(&spec).unwrap();
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(format!("{out}/client.rs"), client.to_string()).unwrap();
}
RS
  echo 'include!(concat!(env!("OUT_DIR"), "/client.rs"));' >"$work/$1/src/lib.rs"
}

ring='rustls = { version = "0.23", default-features = false, features = ["ring", "std", "tls12"] }'
none='default-features = false'
ours() { new "$1" "[dependencies]
koodrive-share = { path = \"$root\"$2 }"; }

ours ours ''
bare bare '"rustls-no-provider"' "$ring" "$none"
ours ours-native-tls ', default-features = false, features = ["native-tls"]'
bare bare-native-tls '"native-tls"' '' "$none"
bare bare-aws-lc-rs '"rustls"' '' "$none"
bare bare-progenitor-defaults '"rustls-no-provider"' "$ring" 'default-features = true'

seconds() { # a cold build of VARIANT with the given flags
  rm -rf "$work/$1/target"
  local start=$EPOCHREALTIME
  (cd "$work/$1" && cargo build --quiet --offline "${@:2}" >&2)
  awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'
}
median() { tr ' ' '\n' | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

variants=(ours bare ours-native-tls bare-native-tls bare-aws-lc-rs bare-progenitor-defaults)
[ ${#wanted[@]} -eq 0 ] || variants=("${wanted[@]}")
declare -A debug release
for variant in "${variants[@]}"; do
  (cd "$work/$variant" && cargo fetch --quiet)
done
for _ in $(seq "$rounds"); do
  for variant in "${variants[@]}"; do
    debug[$variant]+="$(seconds "$variant") "
    release[$variant]+="$(seconds "$variant" --release) "
  done
done
crates() { (cd "$work/$1" && cargo tree --offline --edges "$2" --prefix none | sort -u | grep -cv '(\*)'); }
echo '| variant | crates at run time | with build crates |'
echo '|---|---|---|'
for variant in "${variants[@]}"; do
  echo "| $variant | $(crates "$variant" normal) | $(crates "$variant" normal,build) |"
done
echo
echo '| variant | cold, s | ratio to bare |'
echo '|---|---|---|'
row() { # VARIANT PROFILE SECONDS SECONDS-OF-BARE
  echo "| $1, $2 | $3 | $(awk -v ours="$3" -v bare="${4:-$3}" 'BEGIN { printf "%.3f", ours / bare }') |"
}
for variant in "${variants[@]}"; do
  row "$variant" debug "$(echo -n ${debug[$variant]} | median)" "$(echo -n ${debug[bare]-} | median)"
  row "$variant" release "$(echo -n ${release[$variant]} | median)" "$(echo -n ${release[bare]-} | median)"
done
