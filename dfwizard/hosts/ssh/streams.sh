# Files that are read or grow. Descriptor 3 is what the other side sends.

# Descriptor 4 becomes the file $1, read from byte $2 on.
dfw_source() {
    dfw_open "$1"
    if [ "$2" -gt 0 ]; then
        if [ "$(stat -L -c %s -- "$1")" -le "$2" ]; then
            printf A
            return
        fi
        dd bs=1 skip="$2" count=0 <&4 2>/dev/null || exit 9
    fi
    printf A
    exec cat <&4
}

# Descriptor 4 becomes the file $1 with mode $2, which grows from byte $3 on, or from its end. Links are never followed.
dfw_grow() {
    if [ -d "$1" ]; then dfw_fail 'Is a directory'; fi
    if [ -L "$1" ]; then dfw_fail 'dfw: it is not a regular file'; fi
    if ! [ -e "$1" ]; then
        (umask 077 && set -C && : >"$1") || exit 9
    elif ! [ -f "$1" ]; then
        dfw_fail 'dfw: it is not a regular file'
    fi
    exec 4>>"$1" || exit 9
    # What has been opened stands under that very name.
    if [ -L "$1" ] || ! [ "$1" -ef /proc/self/fd/4 ]; then dfw_fail 'dfw: it is not a regular file'; fi
    chmod -- "$2" /proc/self/fd/4 || exit 9
    if [ "$3" ]; then
        dfw_size=$(stat -L -c %s /proc/self/fd/4) || exit 9
        [ "$dfw_size" -ge "$3" ] || dfw_fail "dfw: short $dfw_size"
        [ "$dfw_size" = "$3" ] || dd if=/dev/null of=/proc/self/fd/4 bs=1 seek="$3" count=0 2>/dev/null || exit 9
    fi
}

dfw_settle() { sync -- /proc/self/fd/4 2>/dev/null || sync; }

# All that comes, in order.
dfw_append() {
    dfw_grow "$@"
    printf A
    cat <&3 >&4 || exit 9
    dfw_settle
}

# As dfw_append, but what comes are segments of $4 bytes, each behind a line with its number. The very last one may be shorter.
dfw_first_lane() {
    dfw_grow "$1" "$2" "$3"
    dfw_segments "$4"
}

# One more lane to the file $1. A lane that comes too late finds it renamed, and must not make another.
dfw_lane() {
    exec 4<"$1" || exit 9
    if [ -L "$1" ] || ! [ "$1" -ef /proc/self/fd/4 ]; then dfw_fail 'dfw: it is not a regular file'; fi
    dfw_segments "$2"
}

dfw_segments() {
    printf A
    while read -r dfw_at; do
        dfw_said=$(dd bs="$1" count=1 iflag=fullblock conv=notrunc of=/proc/self/fd/4 seek="$dfw_at" 2>&1) ||
            dfw_fail "$(printf '%s\n' "$dfw_said" | grep -v ' records \| copied' | tail -n 1)"
    done <&3
    dfw_settle
}
