# Starting a durable command and following it. Marks: P its pid, start and carriers; H a sign of life; N it was never started and never
# will be; F before the output of one that was; G it is gone without an end (killed, or the server was restarted); D behind the output: how it ended; M the stderr of one
# command of a pipeline.

# Where jobs lie: sets dfw_jobs, and dfw_dir for the job $1.
dfw_home() {
    if [ "$dfw_uid" = 0 ]; then
        dfw_jobs=/var/lib/dfwizard/jobs
    else
        dfw_jobs=$HOME/.local/state/dfwizard/jobs
    fi
    dfw_dir=$dfw_jobs/$1
}

# $1 the job's id, $2 the mark of its run or empty, $3 the size of its input or empty, $4 yes where setsid is; its script is what dfw_script prints.
dfw_job_start() {
    dfw_home "$1"
    (
        umask 077
        dfw_n=0
        # Another job's end may take the empty directory away meanwhile.
        until mkdir -p -- "$dfw_jobs" && mkdir -- "$dfw_dir"; do
            dfw_n=$((dfw_n + 1))
            [ "$dfw_n" -lt 5 ] || break
        done 2>/dev/null
        [ "$dfw_n" -lt 5 ] || mkdir -p -- "$dfw_dir" || exit 8
        printf '%s' "$2" >"$dfw_dir/mark" || exit 9
        dfw_script >"$dfw_dir/run" || exit 9
        : >"$dfw_dir/out" && : >"$dfw_dir/err" || exit 9
        if [ "$3" ]; then
            dfw_input <&3 >"$dfw_dir/in" || exit 9
            [ "$(($(wc -c <"$dfw_dir/in")))" = "$3" ] || dfw_fail 'Input/output error'
        fi
    )
    case $? in
    0) ;;
    9)
        dfw_job_forget "$1"
        exit 9
        ;;
    *) exit 9 ;;
    esac
    if [ "$2" ]; then export DFWIZARD_RUN="$2"; fi
    if [ "$4" ]; then
        # The first makes it a leader, so that the second has to fork: the shell need not wait, and no signal is ignored.
        setsid setsid sh "$dfw_dir/run" "$dfw_dir" </dev/null >/dev/null 2>&1 3<&-
    else
        sh "$dfw_dir/run" "$dfw_dir" </dev/null >/dev/null 2>&1 3<&- &
    fi
    unset DFWIZARD_RUN
    dfw_follow 0 0
}

# $1 the job's id, $2 and $3 bytes that have come already; $4 and $5: pid and start of the shell that may still be starting it.
dfw_job_attach() {
    dfw_home "$1"
    if [ "$4" ]; then
        while [ "$(dfw_started "$4")" = "$5" ]; do
            kill -s KILL "$4" 2>/dev/null || break
        done
    fi
    if ! [ -d "$dfw_dir" ]; then
        dfw_mark N 0
    elif mkdir "$dfw_dir/claim" 2>/dev/null; then
        dfw_job_forget "$1"
        dfw_mark N 0
    else
        dfw_follow "$2" "$3"
    fi
}

# Prints what is new of the output, from byte $1 of stdout and $2 of stderr, until the end.
dfw_follow() {
    exec 5<"$dfw_dir/out" 6<"$dfw_dir/err" </dev/null
    dfw_mark F 0
    dfw_mark F 0 >&2
    [ "$1" = 0 ] || tail -c "+$(($1 + 1))" <&5
    [ "$2" = 0 ] || tail -c "+$(($2 + 1))" <&6 >&2
    dfw_n=0 dfw_pid=
    while :; do
        dfw_end=
        if [ -e "$dfw_dir/done" ]; then dfw_end=yes; fi
        if ! [ "$dfw_pid" ] && [ -e "$dfw_dir/ready" ]; then
            read -r dfw_pid dfw_began dfw_boot dfw_rest <"$dfw_dir/pid"
            dfw_mark P "$dfw_pid $dfw_rest"
        fi
        cat <&5
        cat <&6 >&2
        if [ "$dfw_end" ]; then break; fi
        if [ "$((dfw_n % 10))" = 9 ]; then
            dfw_mark H 0
            if dfw_is_gone && ! [ -e "$dfw_dir/done" ]; then
                cat <&5
                cat <&6 >&2
                dfw_mark G "$dfw_gone"
                return
            fi
        fi
        dfw_n=$((dfw_n + 1))
        if [ "$dfw_n" -lt 25 ]; then
            sleep 0.02 2>/dev/null || sleep 1
        elif [ "$dfw_n" -lt 50 ]; then
            sleep 0.06 2>/dev/null || sleep 1
        else
            sleep 0.2 2>/dev/null || sleep 1
        fi
    done
    dfw_mark D 0
    cat "$dfw_dir/end"
    dfw_mark W 0
    cat "$dfw_dir/why" 2>/dev/null
    for dfw_file in "$dfw_dir"/err.*; do
        if [ -e "$dfw_file" ]; then
            dfw_mark M "${dfw_file##*/err.}"
            tail -c 65536 "$dfw_file"
        fi
    done
}

# Whether the job is no more. Before it has said who it is, it has ten seconds.
dfw_is_gone() {
    dfw_gone=killed
    if ! [ "$dfw_pid" ]; then
        [ "$dfw_n" -gt 90 ]
        return
    fi
    dfw_now= && read -r dfw_now </proc/sys/kernel/random/boot_id
    if [ "$dfw_boot" != "${dfw_now:--}" ]; then
        dfw_gone=restarted
        return 0
    fi
    [ "$(dfw_started "$dfw_pid")" != "$dfw_began" ]
}

# Removes the job $1, and the directories above it once they are empty.
dfw_job_forget() {
    dfw_home "$1"
    rm -rf -- "$dfw_dir" || exit 9
    dfw_job_tidy
}

dfw_job_tidy() {
    rmdir -- "$dfw_jobs" "${dfw_jobs%/*}" 2>/dev/null
    case $dfw_jobs in
    "$HOME"/.local/*) rmdir -- "$HOME/.local/state" "$HOME/.local" 2>/dev/null ;;
    esac
    return 0
}

# Removes what jobs of the mark $1 have left behind.
dfw_jobs_forget() {
    dfw_home none
    for dfw_dir in "$dfw_jobs"/*; do
        if [ -e "$dfw_dir/mark" ] && [ "$(cat "$dfw_dir/mark" && echo .)" = "$1." ]; then
            rm -rf -- "$dfw_dir"
        fi
    done
    dfw_job_tidy
}
