# Pipelines with a stream to the other side. Descriptor 3 is what that sends.

# Blocks for a pipeline: each behind a line with its size, "0" behind the last. Without that, nobody may take it for whole.
dfw_feed() {
    while read -r dfw_count; do
        [ "$dfw_count" = 0 ] && return 0
        dd bs="$dfw_count" count=1 iflag=fullblock 2>/dev/null || return 0
    done
    kill -s KILL 0
}

# Members of a pipeline end with a mark of their own: number and exit code, or why they were not started.
dfw_member() {
    (if "$2"; then "$3"; else
        dfw_mark R "$dfw_refused" >&2
    fi) 3<&- 4<&-
    dfw_mark X "$1 $?" >&2
}
