# All processes, as proc(5) describes them; a NUL byte; the pids of those whose environment holds the line $1.
dfw_processes() {
    cat /proc/[0-9]*/stat 2>/dev/null
    printf '\0'
    if [ "$1" ]; then dfw_bearers "$1"; fi
}

# The pids of those whose environment holds the line $1.
dfw_bearers() {
    # grep finds the few that are worth a closer look, where it can read entries that end with NUL.
    dfw_first=${1%%
*}
    if [ "$(printf 'a\0b' | grep -c -z -F b 2>/dev/null)" = 1 ]; then
        grep -l -z -F -e "$dfw_first" /proc/[0-9]*/environ 2>/dev/null
    else
        printf '%s\n' /proc/[0-9]*/environ
    fi | while read -r dfw_file; do
        dfw_pid=${dfw_file#/proc/}
        case "
$(tr '\0\n' '\n\1' <"$dfw_file")
" in
        *"
$(printf '%s' "$1" | tr '\n' '\1')
"*) printf '%s\n' "${dfw_pid%/environ}" ;;
        esac
    done 2>/dev/null
}

# $1 signal, $2 pid, $3 when that process began; further words: accounts that may have to send it, for sudo has started theirs.
dfw_signal() {
    [ "$(dfw_started "$2")" = "$3" ] || return 0
    kill -s "$1" "$2" 2>/dev/null
    dfw_name=$1 dfw_pid=$2
    shift 3
    for dfw_user in "$@"; do
        sudo -n -u "$dfw_user" -- kill -s "$dfw_name" "$dfw_pid" >/dev/null 2>&1
    done
}
