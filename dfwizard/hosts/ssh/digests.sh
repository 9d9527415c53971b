# SHA-256 of the standard input. openssl is several times as fast as sha256sum where the processor helps; it must give what is known.
dfw_digest() {
    if [ "$dfw_quick" ]; then openssl dgst -sha256 -r; else sha256sum; fi | (
        read -r dfw_hex dfw_rest && printf '%s\n' "$dfw_hex"
    )
}

# File $1 from byte $2, at most $3 bytes (or empty: all), in blocks of $4 bytes (or empty: as one): a line for each.
dfw_sha256() {
    dfw_open "$1"
    dfw_quick=
    case $(openssl dgst -sha256 -r </dev/null 2>/dev/null) in
    e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855*) dfw_quick=yes ;;
    esac
    dfw_end=$(stat -L -c %s -- "$1") || exit 9
    dfw_at=$2
    if [ "$3" ] && [ "$((dfw_at + $3))" -lt "$dfw_end" ]; then dfw_end=$((dfw_at + $3)); fi
    if [ "$dfw_at" -ge "$dfw_end" ]; then
        [ "$4" ] || dfw_digest </dev/null
        return
    fi
    if [ "$dfw_at" -gt 0 ]; then dd bs=1 skip="$dfw_at" count=0 <&4 2>/dev/null || exit 9; fi
    if ! [ "$4" ]; then
        if [ "$3" ]; then head -c "$((dfw_end - dfw_at))" <&4 | dfw_digest; else dfw_digest <&4; fi
        return
    fi
    while [ "$dfw_at" -lt "$dfw_end" ]; do
        dfw_size=$((dfw_end - dfw_at))
        if [ "$dfw_size" -gt "$4" ]; then dfw_size=$4; fi
        dd bs="$dfw_size" count=1 <&4 2>/dev/null | dfw_digest
        dfw_at=$((dfw_at + dfw_size))
    done
}
