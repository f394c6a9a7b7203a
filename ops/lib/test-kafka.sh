#!/usr/bin/env bash
# The main job on three real Kafka brokers, and the repository as Debian's kcat reads it from there.
set -euo pipefail
cd "$(dirname "$0")/../.."

# What an earlier run left there was signed with other keys.
ops/kafka/down --wipe
bootstrap=$(ops/kafka/up 3 | tail -n 1)
trap ops/kafka/down EXIT
ops/lib/test-up.sh 500 "$bootstrap" 3

# Key, a tab, and the value's length; -1 is a tombstone. Only the newest record of a key counts.
kcat -q -b "$bootstrap" -C -e -o beginning -t otaru.manifests.canal-2024 -f '%k\t%S\n' >target/kcat-manifests.txt
awk -F '\t' '{ size[$1] = $2 } END { for (key in size) if (size[key] > 0) print key }' target/kcat-manifests.txt >target/kcat-files.txt
for pattern in '^1\.root\.json$' '^[0-9]+\.targets\.json$' '^[0-9]+\.campaigns\.json$' '^[0-9]+\.snapshot\.json$' '^timestamp\.json$'; do
    grep -qE "$pattern" target/kcat-files.txt || { echo "no file $pattern in the topic"; exit 1; }
done
[ "$(tail -n 1 target/kcat-manifests.txt | cut -f 1)" = timestamp.json ] || { echo "timestamp.json is not last"; exit 1; }
echo "kcat sees $(wc -l <target/kcat-files.txt) files, timestamp.json last"
