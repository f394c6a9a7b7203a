#!/usr/bin/env bash
# Bytes and build time of a delta by each algorithm, beside zstd -19 and the bsdiff tool alone, on three pairs of Debian's firmware.
set -euo pipefail
# Two versions of a package, both of bookworm: the newest of its security pocket and of the release, as far as they differ.
pairs=(
    'grubx64.efi.signed grub-efi-amd64-signed usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed'
    'systemd-bootx64.efi systemd-boot-efi usr/lib/systemd/boot/efi/systemd-bootx64.efi'
    'OVMF_CODE_4M.fd ovmf usr/share/OVMF/OVMF_CODE_4M.fd'
    # For a machine whose sources have only one version of one of these.
    'gcdx64.efi.signed grub-efi-amd64-signed usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed'
    'seabios bios.bin seabios usr/share/seabios/bios.bin'
    'u-boot.bin u-boot-qemu usr/lib/u-boot/qemu_arm/u-boot.bin'
    'libc.so.6 libc6 lib/x86_64-linux-gnu/libc.so.6'
)
folder=$(mktemp -d) && chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT
fetch() (cd "$folder" && apt-get -o APT::Sandbox::User=root download -qq "$1" >&2 && dpkg-deb -x "${1%%=*}"_*.deb "$2" && rm -f ./*.deb)

command -v bsdiff >/dev/null || { fetch bsdiff tool && PATH=$folder/tool/usr/bin:$PATH; }
arguments=() found=0
for pair in "${pairs[@]}"; do
    [ $found -lt 3 ] || break
    path=${pair##* } rest=${pair% *}; package=${rest##* } name=${rest% *}
    mapfile -t versions < <(apt-cache madison "$package" | awk '{ print $3 }' | sort -uV)
    [ ${#versions[@]} -ge 2 ] || continue
    old=${versions[0]} new=${versions[-1]}
    fetch "$package=$old" "$name.old" && fetch "$package=$new" "$name.new" || continue
    old_file=$folder/$name.old/$path new_file=$folder/$name.new/$path
    [ -f "$old_file" ] && [ -f "$new_file" ] && ! cmp -s "$old_file" "$new_file" || continue
    begin=$(date +%s%N)
    bsdiff "$old_file" "$new_file" "$folder/patch"
    arguments+=("$name of $package $old to $new" "$old_file" "$new_file" "$(stat -c %s "$folder/patch")" "$((($(date +%s%N) - begin) / 1000000))")
    found=$((found + 1))
done
[ $found = 3 ] || { echo "only $found pairs of versions are in this machine's apt sources: add deb.debian.org's bookworm-security" >&2; exit 1; }
# As ops/test builds, so that nothing is compiled twice.
cargo build --quiet --locked --workspace --all-targets
"${CARGO_TARGET_DIR:-target}/debug/examples/delta" "${arguments[@]}"
