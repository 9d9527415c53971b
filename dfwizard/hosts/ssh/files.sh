# Looking at files and changing them. Paths are $1 (and $2); a failure ends with a line in the system's own words on stderr.

dfw_stat() {
    exec stat $2 -c '%f %u %g %s %Y %d %i
%y
%U
%G' -- "$1"
}

# $2: bytes from there, or the last ones where it is negative; $3: at most so many, or empty; $4: yes where dd can seek.
dfw_read() {
    dfw_open "$1"
    case $2,$3 in
    0,) exec cat <&4 ;;
    -*,) exec tail -c "${2#-}" <&4 ;;
    -*) tail -c "${2#-}" <&4 | head -c "$3" ;;
    0,*) exec head -c "$3" <&4 ;;
    *,) exec tail -c "+$(($2 + 1))" <&4 ;;
    *)
        if [ "$4" = yes ]; then
            exec dd bs=65536 iflag=skip_bytes,count_bytes,fullblock skip="$2" count="$3" status=none <&4
        fi
        tail -c "+$(($2 + 1))" <&4 | head -c "$3"
        ;;
    esac
}

dfw_list() { exec find "$1/." ! -name . -prune -print0; }

# Sets dfw_real to where the symlink $1 leads in the end, whether anything is there or not; names may end with newlines. dfw_planted
# gets the owner of each link of another account, and the owner of the directory that it is in.
dfw_resolve() {
    dfw_real=$1 dfw_n=0 dfw_planted=
    while [ -L "$dfw_real" ]; do
        dfw_n=$((dfw_n + 1))
        [ "$dfw_n" -le 40 ] || dfw_fail 'dfw: the symlink leads back to itself'
        dfw_whose=$(stat -c %u -- "$dfw_real")
        if [ "$dfw_whose" != 0 ] && [ "$dfw_whose" != "$(id -u)" ]; then
            dfw_above "$dfw_real"
            dfw_planted="$dfw_planted $dfw_whose/$(stat -c %u -- "$dfw_parent/.")"
        fi
        dfw_link=$(readlink -- "$dfw_real" && echo .) || exit 9
        dfw_link=${dfw_link%
.}
        case $dfw_link in
        /*) dfw_real=$dfw_link ;;
        *)
            dfw_above "$dfw_real"
            dfw_real=$dfw_parent/$dfw_link
            ;;
        esac
    done
}

# Symlinks of other accounts may lead to a file of their own, or of the owner of the directory that they are in, and to nothing else.
dfw_refuse_planted() {
    [ "$dfw_planted" ] || return 0
    dfw_whose=$(stat -c %u -- "$dfw_target" 2>/dev/null)
    for dfw_pair in $dfw_planted; do
        case $dfw_whose in
        '' | 0 | "$(id -u)") ;;
        "${dfw_pair%/*}" | "${dfw_pair#*/}") continue ;;
        esac
        dfw_fail 'dfw: the symlink there belongs to another account, and leads to what does not'
    done
}

# $1 path, $2 mode, $3 owner:group or empty, $4 size, $5 a name that nothing has; the content comes from dfw_input on 3.
dfw_write() {
    dfw_target=$1
    if [ -L "$1" ]; then
        dfw_resolve "$1"
        dfw_target=$dfw_real
        dfw_refuse_planted
    fi
    if [ -d "$dfw_target" ]; then dfw_fail 'dfw: it is a directory'; fi
    if [ -e "$dfw_target" ] && ! [ -f "$dfw_target" ]; then dfw_fail 'dfw: it is not a regular file'; fi
    dfw_above "$dfw_target"
    stat -- "$dfw_parent/." >/dev/null || exit 9
    dfw_fresh=$dfw_parent/$5
    (umask 077 && set -C && : >"$dfw_fresh") || exit 9
    trap 'rm -f -- "$dfw_fresh"' EXIT
    dfw_input <&3 >"$dfw_fresh"
    dfw_code=$?
    if [ "$dfw_code" != 0 ] || [ "$(($(wc -c <"$dfw_fresh")))" != "$4" ]; then
        # Not every program says why it wrote less.
        [ "$(stat -f -c %a -- "$dfw_fresh")" -gt 16 ] || dfw_fail 'No space left on device'
        [ "$dfw_code" != 0 ] || dfw_fail 'Input/output error'
        exit 9
    fi
    if [ "$3" ]; then chown -- "$3" "$dfw_fresh" || exit 9; fi
    if [ -e "$dfw_target" ]; then
        for dfw_kind in mode xattr context; do
            cp --attributes-only --preserve="$dfw_kind" -- "$dfw_target" "$dfw_fresh" 2>/dev/null
        done
    fi
    chmod -- "$2" "$dfw_fresh" || exit 9
    sync -- "$dfw_fresh" 2>/dev/null || sync
    mv -f -T -- "$dfw_fresh" "$dfw_target" || exit 9
    trap - EXIT
    dfw_sync "$dfw_parent"
}

# $1 path, $2 mode, $3 mode where setgid is inherited, $4 owner:group or empty. What is missing above is made alike.
dfw_mkdir() {
    dfw_path=$1 dfw_mode=$2 dfw_setgid=$3 dfw_owner=$4 dfw_made=0
    set --
    while ! [ -e "$dfw_path" ] && ! [ -L "$dfw_path" ]; do
        set -- "$dfw_path" "$@"
        dfw_above "$dfw_path"
        dfw_path=$dfw_parent
    done
    for dfw_new in "$@"; do
        if ! dfw_said=$(umask 077 && mkdir -- "$dfw_new" 2>&1); then
            [ -d "$dfw_new" ] || dfw_unmake "$@"
            continue
        fi
        dfw_made=$((dfw_made + 1))
        dfw_bits=$dfw_mode
        if [ -g "$dfw_new" ]; then dfw_bits=$dfw_setgid; fi
        if [ "$dfw_owner" ]; then dfw_said=$(chown -- "$dfw_owner" "$dfw_new" 2>&1) || dfw_unmake "$@"; fi
        dfw_said=$(chmod -- "$dfw_bits" "$dfw_new" 2>&1) || dfw_unmake "$@"
        dfw_sync "$dfw_new"
        dfw_above "$dfw_new"
        dfw_sync "$dfw_parent"
        dfw_path=$dfw_new
    done
    [ -d "$dfw_path" ] || dfw_fail 'Not a directory'
}

# Takes away the directories that were made so far, and fails with what was said.
dfw_unmake() {
    while [ "$dfw_made" -gt 0 ]; do
        eval "rmdir -- \"\${$dfw_made}\"" 2>/dev/null
        dfw_made=$((dfw_made - 1))
    done
    dfw_fail "$dfw_said"
}

# $1 to $2, but only within one mount; $3 is "device inode" of what is renamed, so that asking again does not do it again.
dfw_rename() {
    if [ "$(stat -c '%d %i' -- "$1" 2>/dev/null)" != "$3" ]; then
        [ "$(stat -c '%d %i' -- "$2" 2>/dev/null)" = "$3" ] && return 0
        dfw_fail 'No such file or directory'
    fi
    [ "$(stat -c '%d %i' -- "$2" 2>/dev/null)" = "$3" ] && return 0
    dfw_above "$1"
    dfw_from=$dfw_parent
    dfw_above "$2"
    stat -- "$dfw_parent/." >/dev/null || exit 9
    [ "$(dfw_mount "$dfw_from")" = "$(dfw_mount "$dfw_parent")" ] || dfw_fail 'Invalid cross-device link'
    mv -f -T -- "$1" "$2" || exit 9
    dfw_sync "$dfw_from"
    [ "$dfw_from" = "$dfw_parent" ] || dfw_sync "$dfw_parent"
}

# The mount on which the directory $1 lies: mv would copy from one to another, even of the same filesystem.
dfw_mount() {
    stat -c %d -- "$1/."
    (
        command exec 5<"$1/." || exit 0
        while read -r dfw_key dfw_value; do
            [ "$dfw_key" = mnt_id: ] && printf '%s\n' "$dfw_value"
        done </proc/self/fdinfo/5
    ) 2>/dev/null
}

# What is no directory goes at once. Else: the path of $1 with its directory resolved, a NUL byte, and what is mounted where.
dfw_removal() {
    dfw_top=${1%"${1##*[!/]}"}
    dfw_above "$1"
    if [ -L "$dfw_top" ] || ! [ -d "$1" ]; then
        rm -f -- "$dfw_top" || exit 9
        if [ -d "$dfw_parent" ]; then dfw_sync "$dfw_parent"; fi
        return 0
    fi
    dfw_real=$(cd -- "$dfw_parent" && pwd -P && echo .) || exit 9
    dfw_real=${dfw_real%
.}
    printf '%s/%s\0' "${dfw_real%/}" "${dfw_top##*/}"
    cat /proc/self/mountinfo
}

# $1 is one absolute path of a directory; $2: yes where directories of our own that are read-only may have to be opened first.
dfw_remove() {
    if [ "$2" = yes ]; then
        find "$1" -xdev -type d ! -perm -700 -exec chmod u+rwx {} \; 2>/dev/null
    fi
    if rm --one-file-system -f -- "$1/.dfwizard-none" 2>/dev/null; then
        rm -rf --one-file-system -- "$1"
    else
        rm -rf -- "$1"
    fi
    dfw_code=$?
    dfw_above "$1"
    dfw_sync "$dfw_parent"
    exit "$dfw_code"
}

# Blocks free for ordinary accounts and their size, where $1 is or would be.
dfw_free() {
    dfw_at=$1
    while :; do
        if dfw_said=$(stat -f -c '%a %S' -- "$dfw_at" 2>&1); then
            printf '%s\n' "$dfw_said"
            return 0
        fi
        case $dfw_said in
        *'No such file or directory' | *'Not a directory') ;;
        *) dfw_fail "$dfw_said" ;;
        esac
        if [ -L "$dfw_at" ]; then
            dfw_resolve "$dfw_at"
            dfw_at=$dfw_real
        else
            dfw_above "$dfw_at"
            dfw_at=$dfw_parent
        fi
    done
}

# "size" and a newline from du where it can tell; else a line "size links inode device kind" for each entry, the top one first.
dfw_size() {
    stat -- "$1" >/dev/null || exit 9
    if du --version >/dev/null 2>&1; then
        LC_ALL=C.UTF-8 exec du --summarize --one-file-system --apparent-size --block-size=1 -- "$1"
    fi
    exec find "$1" -xdev -exec stat -c '%s %h %i %d %F' -- {} +
}

# Where the program $1 is on the PATH.
dfw_which() {
    case $1 in
    */*)
        [ -f "$1" ] && [ -x "$1" ] && printf '%s\n' "$1"
        return
        ;;
    esac
    IFS=:
    set -f
    for dfw_place in $PATH; do
        if [ -f "${dfw_place:-.}/$1" ] && [ -x "${dfw_place:-.}/$1" ]; then
            printf '%s\n' "${dfw_place:-.}/$1"
            return 0
        fi
    done
    return 1
}

# The numbers of account $1 and group $2, "-" where there is none of that name; then the groups of this account.
dfw_numbers() {
    printf '%s\n' "$(id -u -- "$1" 2>/dev/null || echo -)"
    dfw_number=$(getent group "$2" 2>/dev/null) && dfw_number=${dfw_number#*:*:}
    if ! [ "$dfw_number" ]; then
        while IFS=: read -r dfw_key dfw_value dfw_number dfw_rest; do
            [ "$dfw_key" = "$2" ] && break
            dfw_number=
        done </etc/group
    fi
    printf '%s\n' "${dfw_number%%:*}" | grep . || echo -
    id -G
}
