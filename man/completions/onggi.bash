# bash completion for onggi
# Written by hack/man from the definitions of the commands.

_onggi() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local at command= options= words= commands='create start state wait kill delete run exec list ps pause resume checkpoint restore update mounts events spec features doctor completion help'
    for ((at = 1; at < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in
            --root|--log|--log-format|--log-level|--cgroup-manager|--rootless) ((at++)) ;;
            -*) ;;
            *) command=${COMP_WORDS[at]} && break ;;
        esac
    done
    local program=("${COMP_WORDS[@]:0:at}")
    COMPREPLY=()
    case $command in
        '')
            options='--root --debug --log --log-format --log-level --systemd-cgroup --cgroup-manager --rootless -h --help -v --version'
            words="$commands"
            case $before in
                --root) return ;;
                --log) return ;;
                --log-format) options='' words='text json' ;;
                --log-level) options='' words='error warning info debug trace' ;;
                --cgroup-manager) options='' words='cgroupfs systemd disabled' ;;
                --rootless) options='' words='true false auto' ;;
            esac
            ;;
        'create')
            options='-h --help -b --bundle -f --config --console-socket --pid-file --pidfd-socket --no-pivot --no-new-keyring --preserve-fds --validate-only --format'
            words=""
            case $before in
                -b|--bundle) return ;;
                -f|--config) return ;;
                --console-socket) return ;;
                --pid-file) return ;;
                --pidfd-socket) return ;;
                --preserve-fds) return ;;
                --format) options='' words='text json' ;;
            esac
            ;;
        'start')
            options='-h --help'
            words="@containers"
            case $before in
            esac
            ;;
        'state')
            options='-h --help -w --watch'
            words="@containers"
            case $before in
            esac
            ;;
        'wait')
            options='-h --help --condition'
            words="@containers"
            case $before in
                --condition) options='' words='created running paused stopped' ;;
            esac
            ;;
        'kill')
            options='-h --help -a --all -r --regex --signal'
            words="@containers"
            case $before in
                --signal) return ;;
            esac
            ;;
        'delete')
            options='-h --help -f --force -r --regex'
            words="@containers"
            case $before in
            esac
            ;;
        'run')
            options='-h --help -b --bundle -f --config --console-socket --pid-file --pidfd-socket --no-pivot --no-new-keyring --preserve-fds -d --detach --keep --no-subreaper'
            words=""
            case $before in
                -b|--bundle) return ;;
                -f|--config) return ;;
                --console-socket) return ;;
                --pid-file) return ;;
                --pidfd-socket) return ;;
                --preserve-fds) return ;;
            esac
            ;;
        'exec')
            options='-h --help -p --process --cwd -e --env -t --tty -u --user -g --additional-gids --process-label --apparmor --no-new-privs -c --cap --console-socket --pid-file --pidfd-socket -d --detach --preserve-fds --cgroup --ignore-paused --exec-wait-fifo'
            words="@containers"
            case $before in
                -p|--process) return ;;
                --cwd) return ;;
                -e|--env) return ;;
                -u|--user) return ;;
                -g|--additional-gids) return ;;
                --process-label) return ;;
                --apparmor) return ;;
                -c|--cap) return ;;
                --console-socket) return ;;
                --pid-file) return ;;
                --pidfd-socket) return ;;
                --preserve-fds) return ;;
                --cgroup) return ;;
                --exec-wait-fifo) return ;;
            esac
            ;;
        'list')
            options='-h --help -f --format -q --quiet'
            words=""
            case $before in
                -f|--format) options='' words='table json' ;;
            esac
            ;;
        'ps')
            options='-h --help -f --format'
            words="@containers"
            case $before in
                -f|--format) options='' words='table json' ;;
            esac
            ;;
        'pause')
            options='-h --help'
            words="@containers"
            case $before in
            esac
            ;;
        'resume')
            options='-h --help'
            words="@containers"
            case $before in
            esac
            ;;
        'checkpoint')
            options='-h --help --image-path --work-path --tcp-established --ext-unix-sk --shell-job --file-locks --auto-dedup --lazy-pages --tcp-skip-in-flight --link-remap --manage-cgroups-mode --empty-ns --network-lock --parent-path --leave-running --pre-dump --page-server --status-fd'
            words="@containers"
            case $before in
                --image-path) return ;;
                --work-path) return ;;
                --manage-cgroups-mode) options='' words='soft full strict ignore' ;;
                --empty-ns) return ;;
                --network-lock) options='' words='iptables nftables skip' ;;
                --parent-path) return ;;
                --page-server) return ;;
                --status-fd) return ;;
            esac
            ;;
        'restore')
            options='-h --help -b --bundle -f --config --console-socket --pid-file --pidfd-socket --no-pivot --no-new-keyring -d --detach --keep --no-subreaper --image-path --work-path --tcp-established --ext-unix-sk --shell-job --file-locks --auto-dedup --lazy-pages --tcp-close --manage-cgroups-mode --empty-ns --network-lock --lsm-profile --lsm-mount-context'
            words="@containers"
            case $before in
                -b|--bundle) return ;;
                -f|--config) return ;;
                --console-socket) return ;;
                --pid-file) return ;;
                --pidfd-socket) return ;;
                --image-path) return ;;
                --work-path) return ;;
                --manage-cgroups-mode) options='' words='soft full strict ignore' ;;
                --empty-ns) return ;;
                --network-lock) options='' words='iptables nftables skip' ;;
                --lsm-profile) return ;;
                --lsm-mount-context) return ;;
            esac
            ;;
        'update')
            options='-h --help -r --resources --blkio-weight --cpu-period --cpu-quota --cpu-burst --cpu-share --cpu-rt-period --cpu-rt-runtime --cpu-idle --cpuset-cpus --cpuset-mems --memory --memory-reservation --memory-swap --pids-limit --l3-cache-schema --mem-bw-schema --device-rule'
            words="@containers"
            case $before in
                -r|--resources) return ;;
                --blkio-weight) return ;;
                --cpu-period) return ;;
                --cpu-quota) return ;;
                --cpu-burst) return ;;
                --cpu-share) return ;;
                --cpu-rt-period) return ;;
                --cpu-rt-runtime) return ;;
                --cpu-idle) options='' words='0 1' ;;
                --cpuset-cpus) return ;;
                --cpuset-mems) return ;;
                --memory) return ;;
                --memory-reservation) return ;;
                --memory-swap) return ;;
                --pids-limit) return ;;
                --l3-cache-schema) return ;;
                --mem-bw-schema) return ;;
                --device-rule) return ;;
            esac
            ;;
        'mounts')
            options='-h --help'
            words=""
            case $before in
            esac
            ;;
        'events')
            options='-h --help --interval --stats'
            words="@containers"
            case $before in
                --interval) return ;;
            esac
            ;;
        'spec')
            options='-h --help -b --bundle -f --file --rootless'
            words=""
            case $before in
                -b|--bundle) return ;;
                -f|--file) return ;;
            esac
            ;;
        'features')
            options='-h --help'
            words=""
            case $before in
            esac
            ;;
        'doctor')
            options='-h --help -f --format'
            words=""
            case $before in
                -f|--format) options='' words='text json' ;;
            esac
            ;;
        'completion')
            options='-h --help'
            words="bash zsh fish"
            case $before in
            esac
            ;;
        'help')
            options='-h --help'
            words="$commands"
            case $before in
            esac
            ;;
    esac
    [[ $word == -* ]] && words=$options
    [[ $words == @containers ]] && words=$("${program[@]}" list --quiet 2>/dev/null)
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o default -F _onggi onggi
