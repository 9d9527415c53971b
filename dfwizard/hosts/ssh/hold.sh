# Locks on directories, held by a process on the server. Each has a directory beside those of the jobs: `pid` (flock's pid, its start,
# the boot, the holder's pid), `what` (device and inode), `run`, and `lease`, the uptime in seconds when it was last renewed.

dfw_hold_home() {
    dfw_home none
    dfw_holds=${dfw_jobs%/*}/holds
    dfw_dir=$dfw_holds/$1
}

# Locks the directory $2 as the hold $1 for the run $3, or takes over what this run holds already. Says `taken` with the hold's id, or
# `busy` with those who may be holding it. The holder's script is what dfw_script prints. $4: yes where setsid is.
dfw_hold_take() {
    dfw_hold_home "$1"
    stat -L -- "$2/." >/dev/null || exit 9
    (exec 4<"$2") || exit 9
    dfw_what=$(stat -L -c '%d %i' -- "$2")
    for dfw_dir in "$dfw_holds/$1" "$dfw_holds"/*; do
        if dfw_hold_is_ours "$1" "$3"; then
            dfw_hold_renew "${dfw_dir##*/}"
            return
        fi
    done
    command -v flock >/dev/null 2>&1 || dfw_fail 'dfw: there is no flock'
    # The trial itself is told by its run as well.
    dfw_said=$(flock -n "$2" true "$3" 2>&1)
    case $? in
    0) ;;
    1)
        dfw_hold_tell "$2"
        return
        ;;
    *) dfw_fail "$dfw_said" ;;
    esac
    dfw_dir=$dfw_holds/$1
    (
        umask 077
        dfw_n=0
        until mkdir -p -- "$dfw_dir" || [ "$dfw_n" -ge 5 ]; do dfw_n=$((dfw_n + 1)); done 2>/dev/null
        dfw_script >"$dfw_dir/holder" && printf '%s' "$3" >"$dfw_dir/run" && printf '%s\n' "$dfw_what" >"$dfw_dir/what"
    ) || exit 9
    dfw_lease_now
    if [ "$4" ]; then
        setsid setsid flock -n "$2" sh "$dfw_dir/holder" "$dfw_dir" "$3" </dev/null >/dev/null 2>&1
    else
        flock -n "$2" sh "$dfw_dir/holder" "$dfw_dir" "$3" </dev/null >/dev/null 2>&1 &
    fi
    dfw_n=0
    until [ -e "$dfw_dir/ready" ]; do
        dfw_n=$((dfw_n + 1))
        if [ "$dfw_n" -gt 250 ]; then
            # Another was quicker.
            rm -rf -- "$dfw_dir"
            dfw_hold_tell "$2"
            return
        fi
        sleep 0.02 2>/dev/null || sleep 1
    done
    printf 'taken\n%s\n' "$1"
}

# Whether dfw_dir is a living hold of the directory dfw_what, with the id $1 or of the run $2.
dfw_hold_is_ours() {
    [ -e "$dfw_dir/ready" ] && [ "$(cat "$dfw_dir/what" 2>/dev/null)" = "$dfw_what" ] || return 1
    if [ "${dfw_dir##*/}" != "$1" ]; then
        [ "$2" ] && [ "$(cat "$dfw_dir/run" 2>/dev/null)" = "$2" ] || return 1
    fi
    dfw_hold_lives
}

dfw_hold_lives() {
    read -r dfw_pid dfw_began dfw_boot dfw_rest <"$dfw_dir/pid" || return 1
    dfw_now= && read -r dfw_now </proc/sys/kernel/random/boot_id
    [ "$dfw_boot" = "${dfw_now:--}" ] && [ "$(dfw_started "$dfw_pid")" = "$dfw_began" ]
} 2>/dev/null

dfw_lease_now() {
    read -r dfw_now dfw_rest </proc/uptime
    printf '%s\n' "${dfw_now%%.*}" >"$dfw_dir/lease.new" && mv -f -- "$dfw_dir/lease.new" "$dfw_dir/lease"
}

# Renews the hold $1: `taken` with its id, or `gone`.
dfw_hold_renew() {
    dfw_hold_home "$1"
    if dfw_hold_lives && dfw_lease_now; then
        printf 'taken\n%s\n' "$1"
    else
        echo gone
    fi
}

# Gives the hold $1 back.
dfw_hold_release() {
    dfw_hold_home "$1"
    if dfw_hold_lives; then
        kill "$dfw_pid" $dfw_rest
        dfw_n=0
        while [ "$(dfw_started "$dfw_pid")" = "$dfw_began" ] && [ "$dfw_n" -lt 100 ]; do
            dfw_n=$((dfw_n + 1))
            sleep 0.02 || sleep 1
        done
    fi 2>/dev/null
    rm -rf -- "$dfw_dir"
    rmdir -- "$dfw_holds" 2>/dev/null
    dfw_job_tidy
}

# Those who may hold the lock on $1: a line with its device, the boot's time and the ticks of a second; then for each the pid, the device
# in /proc/locks, whether it has the directory open, its start in ticks, its account and its command line.
dfw_hold_tell() {
    echo busy
    while read -r dfw_key dfw_value dfw_rest; do
        [ "$dfw_key" != btime ] || break
    done </proc/stat
    printf '%s %s %s\n' "$(stat -L -c %d -- "$1")" "$dfw_value" "$(getconf CLK_TCK 2>/dev/null || echo 100)"
    dfw_inode=$(stat -L -c %i -- "$1")
    while read -r dfw_n dfw_kind dfw_mode dfw_access dfw_pid dfw_place dfw_rest; do
        case $dfw_kind,$dfw_place in FLOCK,*:"$dfw_inode") ;; *) continue ;; esac
        dfw_open=no
        for dfw_file in "/proc/$dfw_pid/fd"/*; do
            if [ "$dfw_file" -ef "$1" ]; then dfw_open=yes; fi
        done
        printf '%s %s %s %s %s %s\n' "$dfw_pid" "$dfw_place" "$dfw_open" "$(dfw_started "$dfw_pid" || echo 0)" \
            "$(stat -c %U -- "/proc/$dfw_pid" || echo unknown)" "$(tr '\0\n' '  ' <"/proc/$dfw_pid/cmdline")"
    done </proc/locks 2>/dev/null
}
