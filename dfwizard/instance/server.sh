# What the server around an instance is like, asked in one go: `sh -c SCRIPT sh PATH`. Read-only; POSIX sh.
# Each answer is `key TAB text NUL`; what cannot be told is left out.
export LC_ALL=C
p=$1
say() { printf '%s\t%s\0' "$1" "$2"; }
said() { [ -z "$2" ] || say "$1" "$2"; }

said clock "$(date +%s)"
said memory "$(free -b 2>/dev/null)"
said inodes "$(df -P -i -- "$p" 2>/dev/null | tail -n 1)"

mode=$(getenforce 2>/dev/null)
said selinux "$mode"
if [ "$mode" = Enforcing ]; then
    for d in storage bootstrap/cache; do
        said context "$d $(stat -c %C -- "$p/$d" 2>/dev/null)"
    done
fi

# DreamFactory's image is told by its entry point, which names the directory: other containers are servers like any other.
if grep -qsF -- "$p" /docker-entrypoint.sh; then
    if [ -d /var/run/secrets/kubernetes.io ]; then say container kubernetes
    elif [ -e /.dockerenv ] || [ -e /run/.containerenv ]; then say container docker; fi
fi

# Programs that boot the application once and go on with its code: they name the directory, or work in it.
ps -ww -eo pid=,args= 2>/dev/null | while read -r pid args; do
    case $args in
        *artisan\ [q]ueue:*|*artisan\ [s]chedule:work*|*df-mcp-[s]erver*)
            case "$args $(readlink "/proc/$pid/cwd")/" in *"$p/"*) say process "$pid $args" ;; esac ;;
    esac
done

for f in /etc/systemd/system/*.service /etc/systemd/system/*.timer /usr/local/lib/systemd/system/*.service \
    /etc/supervisor/conf.d/*.conf /etc/supervisord.d/*.ini; do
    [ ! -f "$f" ] || ! grep -qsF -- "$p/" "$f" || say unit "$f"
done

for f in "${p%/*}/.${p##*/}".dfwizard-* "$p"/.dfwizard-*; do
    [ ! -e "$f" ] || say leftover "$f"
done
for f in "$p.backup" "$p/${p##*/}" "$p/${p##*/}.backup"; do
    [ ! -f "$f/artisan" ] || say copy "$f"
done
