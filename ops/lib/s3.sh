#!/usr/bin/env bash
# An S3 server that nobody on this project wrote, in target/s3: npm's s3rver, which verifies signatures and their times.
set -euo pipefail
cd "$(dirname "$0")/../.."
s3=target/s3
[ -e $s3/node_modules/s3rver/package.json ] ||
    npm install --silent --no-audit --no-fund --no-save --prefix $s3 s3rver@3.7.1
