#!/bin/bash -eu
# Called by ClusterFuzzLite and OSS-Fuzz in their builder: every target with its seeds and the dictionary.
cd "$SRC/cnispec/fuzz"
cargo fuzz build -O --debug-assertions
release=target/x86_64-unknown-linux-gnu/release
for source in fuzz_targets/*.rs; do
  target=$(basename "$source" .rs)
  cp "$release/$target" "$OUT/"
  zip -q -j "$OUT/${target}_seed_corpus.zip" "seeds/$target"/*
  cp cni.dict "$OUT/$target.dict"
done
