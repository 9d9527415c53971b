# What must be right before a command is started. Each check says why not in dfw_refused: the kind, the command's number, a detail.
dfw_refuse() {
    dfw_refused=$*
    return 1
}

# $1 account, $2 the command's number (here and below).
dfw_account() { id -u -- "$1" >/dev/null 2>&1 || dfw_refuse account "$2"; }

# $1 the directory to work in.
dfw_enterable() {
    if [ -d "$1" ]; then
        [ -x "$1" ] || dfw_refuse closed "$2" "$(stat -L -c %U -- "$1")"
    elif [ -e "$1" ]; then
        dfw_refuse file "$2"
    else
        case $(stat -L -- "$1" 2>&1) in
        *'Permission denied') dfw_refuse barred "$2" ;;
        *) dfw_refuse nowhere "$2" ;;
        esac
    fi
}

# $1 a program's name, $3 the PATH it is looked for on, $4 which of the command's words it is.
dfw_findable() {
    dfw_ifs=$IFS
    IFS=:
    set -f
    for dfw_place in $3; do
        if [ -f "${dfw_place:-.}/$1" ] && [ -x "${dfw_place:-.}/$1" ]; then
            IFS=$dfw_ifs
            set +f
            return 0
        fi
    done
    IFS=$dfw_ifs
    set +f
    dfw_refuse program "$2" "$4"
}

# $1 a program's path: what execve(2) would say of it, as far as that can be seen.
dfw_startable() {
    if ! [ -e "$1" ]; then
        case $(stat -L -- "$1" 2>&1) in
        *'Permission denied') dfw_refuse forbidden "$2" ;;
        *) dfw_refuse absent "$2" ;;
        esac
        return 1
    fi
    if [ -d "$1" ] || ! [ -x "$1" ]; then
        dfw_refuse forbidden "$2"
        return 1
    fi
    [ -r "$1" ] || return 0
    dfw_head=$(head -c 256 -- "$1" | tr -d '\0')
    case $dfw_head in
    '#!'*)
        dfw_head=${dfw_head#'#!'}
        dfw_head=${dfw_head%%
*}
        set -f
        dfw_interpreter() { [ -e "$1" ]; }
        if ! dfw_interpreter $dfw_head; then
            set +f
            dfw_refuse interpreter "$2"
            return 1
        fi
        set +f
        ;;
    "$(printf '\177ELF')"["$(printf '\001\002')"]*) ;;
    "$(printf '\177ELF')"*) dfw_refuse format "$2" ;;
    esac
}
