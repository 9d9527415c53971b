# The process that keeps a lock: flock's child, which ends when nobody has renewed the lease for $3 seconds and nothing of the run $2
# lives any more. $1 is the hold's directory. The lock itself is flock's own, so that it is gone with flock at once.
dfw_hold() {
    exec 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-
    cd /
    dfw_dir=$1 dfw_sleep=
    trap 'kill "$dfw_sleep"; exit' TERM
    dfw_began=$(dfw_started "$PPID")
    dfw_boot= && read -r dfw_boot </proc/sys/kernel/random/boot_id
    printf '%s %s %s %s\n' "$PPID" "$dfw_began" "${dfw_boot:--}" "$$" >"$dfw_dir/pid"
    : >"$dfw_dir/ready"
    while [ "$(dfw_started "$PPID")" = "$dfw_began" ] && read -r dfw_lease <"$dfw_dir/lease"; do
        read -r dfw_now dfw_rest </proc/uptime
        dfw_age=$((${dfw_now%%.*} - dfw_lease))
        if [ "$dfw_age" -gt "$3" ] && ! [ "$(dfw_bearers "DFWIZARD_RUN=$2")" ]; then break; fi
        sleep "$4" &
        dfw_sleep=$!
        wait "$dfw_sleep"
    done
    rm -rf -- "$dfw_dir"
    rmdir -- "${dfw_dir%/*}" "${dfw_dir%/*/*}"
} 2>/dev/null
