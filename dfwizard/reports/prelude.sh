# Commands make files for the web server; whoever calls may have a stricter one.
umask 022

# A path may hold what a terminal obeys.
say() { printf '%s\n' "$*" | tr -d '\001-\010\013-\037\177'; }
warn() { say "warning: $*" >&2; }
die() { say "error: $*" >&2; exit 1; }

usage() {
    say "usage: sh $0 [--yes]             $purpose"
    say "       sh $0 --restore [--yes]   put back what the backup holds"
    say "       sh $0 --help"
}

yes=
restore=
for argument; do
    case $argument in
    --yes) yes=1 ;;
    --restore) restore=1 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
done

[ "$(id -un)" = "$account" ] || die "run this as $account"
[ -d "$instance" ] || die "$instance: no such directory"

private=$(mktemp -d "${TMPDIR:-/tmp}/dfwizard.XXXXXX")
chmod 0700 "$private"
doing=
changed=

at_exit() {
    code=$?
    trap - EXIT
    rm -rf -- "$private"
    if [ "$code" -ne 0 ] && [ -n "$doing" ]; then
        say "" >&2
        say "stopped at: $doing" >&2
        if [ -n "$changed" ] && [ -z "$restore" ]; then
            say "To put everything back as it was:  sh $0 --restore" >&2
        elif [ -z "$changed" ]; then
            say "Nothing has been changed." >&2
        fi
    fi
    exit "$code"
}
trap at_exit EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# The lock that dfwizard itself takes: on the directory, freed by the kernel when this ends.
exec 9<"$instance"
if command -v flock >/dev/null 2>&1; then
    flock -n 9 || die "another run holds $instance"
fi

confirm() {
    [ -n "$yes" ] && return 0
    [ -t 0 ] || die "nobody can be asked: give --yes to begin"
    printf '%s [yes/no] ' "$(say "$1")"
    read -r answer
    [ "$answer" = yes ] || die "nothing has been changed"
}

# begin NUMBER TITLE: announces a step.
begin() {
    doing="step $1/$total, $2"
    say ""
    say "==> $1/$total $2"
}

# expect CODE...: the exit code of the command that has just run has to be one of these.
expect() {
    code=$(cat "$private/code")
    for allowed; do
        [ "$code" -ne "$allowed" ] || return 0
    done
    trouble "the command ended with code $code"
}

# refuse GREP-OPTIONS PATTERN: its output must not have such a line, whatever the exit code.
refuse() {
    if grep "$1" -e "$2" "$private/output" >/dev/null; then
        trouble "its output says: $(grep "$1" -e "$2" "$private/output" | head -n 1)"
    fi
}

optional=
trouble() {
    [ -n "$optional" ] || die "$1"
    warn "$1"
}

# failed CODE ALLOWED NAME: notes a member of a pipeline that failed; sh has no pipefail.
failed() {
    case " $2 " in
    *" $1 "*) ;;
    *) printf '%s ended with code %s\n' "$3" "$1" >>"$private/failed" ;;
    esac
}

joined() {
    if [ -s "$private/failed" ]; then
        cat "$private/failed" >&2
        die "$1 failed"
    fi
}
