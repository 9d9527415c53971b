# What requests and durable commands have in common.

# Ends a request with a reason, in the system's own words.
dfw_fail() { printf '%s\n' "$1" >&2; exit 9; }

# When process $1 began, in clock ticks since boot; nothing when it is gone.
dfw_started() {
    dfw_stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    set -f
    set -- ${dfw_stat##*) }
    set +f
    case $1 in Z | X | x) return 1 ;; esac
    printf '%s\n' "${20}"
}

# Descriptor 4 becomes the regular file $1; anything else is refused, for a FIFO would wait for ever.
dfw_open() {
    if [ -d "$1" ]; then dfw_fail 'Is a directory'; fi
    if [ -e "$1" ] && ! [ -f "$1" ]; then dfw_fail 'dfw: it is not a regular file'; fi
    exec 4<"$1" || exit 9
}

# As far as the filesystem and the directory's mode let us.
dfw_sync() { sync -- "$1" 2>/dev/null || { [ -r "$1" ] && sync; }; }

# Sets dfw_parent to the directory in which $1 is an entry.
dfw_above() {
    dfw_parent=$1
    while :; do
        case $dfw_parent in
        / | //) break ;;
        */) dfw_parent=${dfw_parent%/} ;;
        *) break ;;
        esac
    done
    case $dfw_parent in
    */*) dfw_parent=${dfw_parent%/*}/ ;;
    *) dfw_parent=. ;;
    esac
    while :; do
        case $dfw_parent in
        / | .) break ;;
        */) dfw_parent=${dfw_parent%/} ;;
        *) break ;;
        esac
    done
    [ "$dfw_parent" ] || dfw_parent=/
    case $dfw_parent in -*) dfw_parent=./$dfw_parent ;; esac
}
