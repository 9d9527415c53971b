# One command, its output on the shell's own streams. Marks: C the pid of a carrier, P the command's pid, R why it was not started,
# X its exit code (on both streams, behind everything that it wrote), then the E of every answer.

# Becomes a cat(1) from the pipe to descriptor $1; the pipe is what keeps a daemon that the command left behind out of later answers.
dfw_carry() {
    read -r dfw_self dfw_rest </proc/self/stat
    dfw_mark C "$dfw_self" >&"$1"
    if [ "$1" = 8 ]; then exec cat >&8 8>&- 9>&-; else exec cat >&9 6>&- 8>&- 9>&-; fi
}

# Runs the functions dfw_checks and dfw_start of the request; dfw_given says whether there is an input.
dfw_plain() {
    {
        {
            {
                if [ "$dfw_given" ]; then
                    dfw_input <&3 2>/dev/null 6>&- 8>&- 9>&- | dfw_command 2>&1 >&6 3<&- 6>&- 8>&- 9>&-
                else
                    (dfw_command 2>&1 >&6 3<&- 6>&- 8>&- 9>&- </dev/null)
                fi
                dfw_code=$?
                dfw_mark X "$dfw_code" >&6
                dfw_mark X "$dfw_code"
            } 2>/dev/null | dfw_carry 9
        } 6>&1 | dfw_carry 8
    } 8>&1 9>&2
}

dfw_command() {
    read -r dfw_self dfw_rest </proc/self/stat
    dfw_mark P "$dfw_self"
    if dfw_checks; then
        dfw_start
    else
        dfw_mark R "$dfw_refused"
        exit 0
    fi
}
