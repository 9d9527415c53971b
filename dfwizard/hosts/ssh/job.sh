# A durable command: what runs in a session of its own on the server, whoever watches. $1 is its directory. The request that starts it
# wrote behind these functions: dfw_count (commands), dfw_input_file, dfw_output_file, dfw_checks, dfw_members, dfw_expected.

# Whoever makes the directory `claim` decides: the job, which runs then, or a client that came back before it began.
dfw_job() {
    dfw_dir=$1 dfw_refused= dfw_carriers=
    mkdir "$dfw_dir/claim" 2>/dev/null || exit 0
    exec </dev/null >/dev/null 2>&1
    if dfw_checks && dfw_take_input && dfw_take_output; then
        dfw_receive
        dfw_record
        dfw_members
        exec 3<&- 7>&-
        dfw_linger
        dfw_conclude
    else
        printf 'refused %s\n' "$dfw_refused" >"$dfw_dir/end"
    fi
    : >"$dfw_dir/done"
}

# Descriptor 3: what the first command reads.
dfw_take_input() {
    if [ -e "$dfw_dir/in" ]; then
        exec 3<"$dfw_dir/in"
        rm -f "$dfw_dir/in"
    elif [ "$dfw_input_file" ]; then
        (dfw_open "$dfw_input_file") 2>"$dfw_dir/why" || dfw_refuse input || return 1
        exec 3<"$dfw_input_file"
    else
        exec 3</dev/null
    fi
}

# Descriptor 7: where the last command writes.
dfw_take_output() {
    if [ "$dfw_output_file" ]; then
        if [ -e "$dfw_output_file" ] || [ -L "$dfw_output_file" ]; then
            echo 'File exists' >"$dfw_dir/why"
            dfw_refuse output || return 1
        fi
        (umask 077 && set -C && : >"$dfw_output_file") 2>"$dfw_dir/why" || dfw_refuse output || return 1
        : >"$dfw_dir/made"
        exec 7>"$dfw_output_file"
    else
        mkfifo "$dfw_dir/o"
        cat <"$dfw_dir/o" >>"$dfw_dir/out" 3<&- &
        dfw_carriers=$!
        exec 7>"$dfw_dir/o"
    fi
}

# One carrier for each command's stderr; a pipe is what keeps a daemon from writing to a file that nobody reads for ever.
dfw_receive() {
    dfw_n=0
    while [ "$dfw_n" -lt "$dfw_count" ]; do
        mkfifo "$dfw_dir/e$dfw_n"
        if [ "$dfw_count" = 1 ]; then
            cat <"$dfw_dir/e0" >>"$dfw_dir/err" 3<&- 7>&- &
        else
            tee -a "$dfw_dir/err.$dfw_n" <"$dfw_dir/e$dfw_n" >>"$dfw_dir/err" 3<&- 7>&- &
        fi
        dfw_carriers="$dfw_carriers $!"
        dfw_n=$((dfw_n + 1))
    done
}

# Who it is: pid, start, boot, then the carriers.
dfw_record() {
    dfw_boot= && read -r dfw_boot </proc/sys/kernel/random/boot_id
    printf '%s %s %s %s\n' "$$" "$(dfw_started "$$")" "${dfw_boot:--}" "$dfw_carriers" >"$dfw_dir/pid"
    : >"$dfw_dir/ready"
}

# The carriers end with the last who holds the output. One who goes on holding it loses it, at once where much is written.
dfw_linger() {
    dfw_n=0 dfw_before=
    for dfw_carrier in $dfw_carriers; do
        until dfw_over "$dfw_carrier"; do
            dfw_size=$(($(stat -c %s "$dfw_dir/out") + $(stat -c %s "$dfw_dir/err")))
            dfw_before=${dfw_before:-$dfw_size}
            if [ "$dfw_n" -ge 10 ] || [ "$((dfw_size - dfw_before))" -gt 2097152 ]; then
                kill "$dfw_carrier" 2>/dev/null
                break
            fi
            dfw_n=$((dfw_n + 1))
            sleep 0.02 2>/dev/null || sleep 1
        done
    done
}

# Whether the process $1 has ended; one that nobody has waited for yet has.
dfw_over() {
    read -r dfw_key dfw_name dfw_state dfw_rest <"/proc/$1/stat" || return 0
    [ "$dfw_state" = Z ]
} 2>/dev/null

# Writes the exit codes; the output file is on the disk, or gone again.
dfw_conclude() {
    dfw_codes= dfw_n=0
    while [ "$dfw_n" -lt "$dfw_count" ]; do
        dfw_code=143
        read -r dfw_code <"$dfw_dir/c$dfw_n"
        eval "dfw_code$dfw_n=\$dfw_code"
        dfw_codes="$dfw_codes $dfw_code"
        dfw_n=$((dfw_n + 1))
    done
    dfw_free=
    if [ "$dfw_output_file" ]; then
        if dfw_expected; then
            dfw_above "$dfw_output_file"
            if chmod 600 -- "$dfw_output_file" 2>"$dfw_dir/why" && sync -- "$dfw_output_file" 2>>"$dfw_dir/why"; then
                dfw_sync "$dfw_parent"
            else
                rm -f -- "$dfw_output_file"
                printf 'refused unsettled\n' >"$dfw_dir/end"
                return
            fi
        else
            dfw_free=$(stat -f -c '%a %S' -- "$dfw_output_file")
            rm -f -- "$dfw_output_file"
        fi
    fi
    printf 'codes%s\nfree %s\n' "$dfw_codes" "$dfw_free" >"$dfw_dir/end"
}
