# bash completion for dok
# Written by hack/man from the definitions of the commands.

_dok() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local at command= options= words=
    for ((at = 1; at < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in
            --root|--run-root|--runtime|--config-file|--config) ((at++)) ;;
            -*) ;;
            *) command=${COMP_WORDS[at]} && break ;;
        esac
    done
    local program=("${COMP_WORDS[@]:0:at}")
    case $command in
        container|image|network|system|volume) ((at + 1 < COMP_CWORD)) && command+=" ${COMP_WORDS[at + 1]}" ;;
    esac
    COMPREPLY=()
    case $command in
        '')
            options='--root --run-root --runtime --config-file --config -h --help -v --version'
            words='run create start stop restart kill pause unpause rm exec attach logs ps inspect diff export cp commit update wait rename port stats top history images import load login logout pull push rmi save search tag completion events help info version container image network system volume'
            case $before in
                --root) return ;;
                --run-root) return ;;
                --runtime) return ;;
                --config-file) return ;;
                --config) return ;;
            esac
            ;;
        'container') words='run create start stop restart kill pause unpause rm remove exec attach logs ls list ps inspect prune diff export cp commit update wait rename port stats top' ;;
        'image') words='history ls list import inspect load prune pull push rm remove save tag' ;;
        'network') words='connect create disconnect inspect ls list prune rm remove' ;;
        'system') words='check start events info df prune' ;;
        'volume') words='create inspect ls list prune rm remove' ;;
        'run'|'container run')
            options='--help -a --attach -i --interactive -t --tty -e --env --env-file --entrypoint -w --workdir -u --user --group-add -h --hostname --domainname -l --label --label-file --annotation --privileged --cap-add --cap-drop --security-opt --pid --ipc --uts --userns --cgroupns --cgroup-parent --sysctl --device --device-cgroup-rule --read-only --runtime --init -m --memory --memory-reservation --memory-swap --memory-swappiness --oom-kill-disable --oom-score-adj --cpus -c --cpu-shares --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --pids-limit --shm-size --ulimit --blkio-weight --blkio-weight-device --device-read-bps --device-write-bps --device-read-iops --device-write-iops -v --volume --mount --tmpfs --volumes-from --network --network-alias --ip --ip6 --mac-address -p --publish -P --publish-all --dns --dns-option --dns-search --add-host --expose --link --name --cidfile --rm --restart --stop-signal --stop-timeout --log-driver --log-opt --platform --pull -q --quiet --health-cmd --health-interval --health-timeout --health-start-period --health-start-interval --health-retries --no-healthcheck --cpu-count --cpu-percent --gpus --io-maxbandwidth --io-maxiops --isolation --kernel-memory --link-local-ip --storage-opt --volume-driver --use-api-socket --disable-content-trust -d --detach --detach-keys --sig-proxy'
            words='@images'
            case $before in
                -a|--attach) return ;;
                -e|--env) return ;;
                --env-file) return ;;
                --entrypoint) return ;;
                -w|--workdir) return ;;
                -u|--user) return ;;
                --group-add) return ;;
                -h|--hostname) return ;;
                --domainname) return ;;
                -l|--label) return ;;
                --label-file) return ;;
                --annotation) return ;;
                --cap-add) return ;;
                --cap-drop) return ;;
                --security-opt) return ;;
                --pid) return ;;
                --ipc) return ;;
                --uts) return ;;
                --userns) return ;;
                --cgroupns) return ;;
                --cgroup-parent) return ;;
                --sysctl) return ;;
                --device) return ;;
                --device-cgroup-rule) return ;;
                --runtime) return ;;
                -m|--memory) return ;;
                --memory-reservation) return ;;
                --memory-swap) return ;;
                --memory-swappiness) return ;;
                --oom-score-adj) return ;;
                --cpus) return ;;
                -c|--cpu-shares) return ;;
                --cpu-period) return ;;
                --cpu-quota) return ;;
                --cpu-rt-period) return ;;
                --cpu-rt-runtime) return ;;
                --cpuset-cpus) return ;;
                --cpuset-mems) return ;;
                --pids-limit) return ;;
                --shm-size) return ;;
                --ulimit) return ;;
                --blkio-weight) return ;;
                --blkio-weight-device) return ;;
                --device-read-bps) return ;;
                --device-write-bps) return ;;
                --device-read-iops) return ;;
                --device-write-iops) return ;;
                -v|--volume) return ;;
                --mount) return ;;
                --tmpfs) return ;;
                --volumes-from) options='' words='@containers' ;;
                --network) options='' words='@networks' ;;
                --network-alias) return ;;
                --ip) return ;;
                --ip6) return ;;
                --mac-address) return ;;
                -p|--publish) return ;;
                --dns) return ;;
                --dns-option) return ;;
                --dns-search) return ;;
                --add-host) return ;;
                --expose) return ;;
                --link) options='' words='@containers' ;;
                --name) return ;;
                --cidfile) return ;;
                --restart) return ;;
                --stop-signal) return ;;
                --stop-timeout) return ;;
                --log-driver) return ;;
                --log-opt) return ;;
                --platform) return ;;
                --pull) return ;;
                --health-cmd) return ;;
                --health-interval) return ;;
                --health-timeout) return ;;
                --health-start-period) return ;;
                --health-start-interval) return ;;
                --health-retries) return ;;
                --cpu-count) return ;;
                --cpu-percent) return ;;
                --gpus) return ;;
                --io-maxbandwidth) return ;;
                --io-maxiops) return ;;
                --isolation) return ;;
                --kernel-memory) return ;;
                --link-local-ip) return ;;
                --storage-opt) return ;;
                --volume-driver) return ;;
                --detach-keys) return ;;
            esac
            ;;
        'create'|'container create')
            options='--help -a --attach -i --interactive -t --tty -e --env --env-file --entrypoint -w --workdir -u --user --group-add -h --hostname --domainname -l --label --label-file --annotation --privileged --cap-add --cap-drop --security-opt --pid --ipc --uts --userns --cgroupns --cgroup-parent --sysctl --device --device-cgroup-rule --read-only --runtime --init -m --memory --memory-reservation --memory-swap --memory-swappiness --oom-kill-disable --oom-score-adj --cpus -c --cpu-shares --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --pids-limit --shm-size --ulimit --blkio-weight --blkio-weight-device --device-read-bps --device-write-bps --device-read-iops --device-write-iops -v --volume --mount --tmpfs --volumes-from --network --network-alias --ip --ip6 --mac-address -p --publish -P --publish-all --dns --dns-option --dns-search --add-host --expose --link --name --cidfile --rm --restart --stop-signal --stop-timeout --log-driver --log-opt --platform --pull -q --quiet --health-cmd --health-interval --health-timeout --health-start-period --health-start-interval --health-retries --no-healthcheck --cpu-count --cpu-percent --gpus --io-maxbandwidth --io-maxiops --isolation --kernel-memory --link-local-ip --storage-opt --volume-driver --use-api-socket --disable-content-trust'
            words='@images'
            case $before in
                -a|--attach) return ;;
                -e|--env) return ;;
                --env-file) return ;;
                --entrypoint) return ;;
                -w|--workdir) return ;;
                -u|--user) return ;;
                --group-add) return ;;
                -h|--hostname) return ;;
                --domainname) return ;;
                -l|--label) return ;;
                --label-file) return ;;
                --annotation) return ;;
                --cap-add) return ;;
                --cap-drop) return ;;
                --security-opt) return ;;
                --pid) return ;;
                --ipc) return ;;
                --uts) return ;;
                --userns) return ;;
                --cgroupns) return ;;
                --cgroup-parent) return ;;
                --sysctl) return ;;
                --device) return ;;
                --device-cgroup-rule) return ;;
                --runtime) return ;;
                -m|--memory) return ;;
                --memory-reservation) return ;;
                --memory-swap) return ;;
                --memory-swappiness) return ;;
                --oom-score-adj) return ;;
                --cpus) return ;;
                -c|--cpu-shares) return ;;
                --cpu-period) return ;;
                --cpu-quota) return ;;
                --cpu-rt-period) return ;;
                --cpu-rt-runtime) return ;;
                --cpuset-cpus) return ;;
                --cpuset-mems) return ;;
                --pids-limit) return ;;
                --shm-size) return ;;
                --ulimit) return ;;
                --blkio-weight) return ;;
                --blkio-weight-device) return ;;
                --device-read-bps) return ;;
                --device-write-bps) return ;;
                --device-read-iops) return ;;
                --device-write-iops) return ;;
                -v|--volume) return ;;
                --mount) return ;;
                --tmpfs) return ;;
                --volumes-from) options='' words='@containers' ;;
                --network) options='' words='@networks' ;;
                --network-alias) return ;;
                --ip) return ;;
                --ip6) return ;;
                --mac-address) return ;;
                -p|--publish) return ;;
                --dns) return ;;
                --dns-option) return ;;
                --dns-search) return ;;
                --add-host) return ;;
                --expose) return ;;
                --link) options='' words='@containers' ;;
                --name) return ;;
                --cidfile) return ;;
                --restart) return ;;
                --stop-signal) return ;;
                --stop-timeout) return ;;
                --log-driver) return ;;
                --log-opt) return ;;
                --platform) return ;;
                --pull) return ;;
                --health-cmd) return ;;
                --health-interval) return ;;
                --health-timeout) return ;;
                --health-start-period) return ;;
                --health-start-interval) return ;;
                --health-retries) return ;;
                --cpu-count) return ;;
                --cpu-percent) return ;;
                --gpus) return ;;
                --io-maxbandwidth) return ;;
                --io-maxiops) return ;;
                --isolation) return ;;
                --kernel-memory) return ;;
                --link-local-ip) return ;;
                --storage-opt) return ;;
                --volume-driver) return ;;
            esac
            ;;
        'start'|'container start')
            options='-a --attach -i --interactive --detach-keys --checkpoint --checkpoint-dir'
            words='@containers'
            case $before in
                --detach-keys) return ;;
                --checkpoint) return ;;
                --checkpoint-dir) return ;;
            esac
            ;;
        'stop'|'container stop')
            options='-s --signal -t --timeout'
            words='@containers'
            case $before in
                -s|--signal) return ;;
                -t|--timeout) return ;;
            esac
            ;;
        'restart'|'container restart')
            options='-s --signal -t --timeout'
            words='@containers'
            case $before in
                -s|--signal) return ;;
                -t|--timeout) return ;;
            esac
            ;;
        'kill'|'container kill')
            options='-s --signal'
            words='@containers'
            case $before in
                -s|--signal) return ;;
            esac
            ;;
        'pause'|'container pause')
            options=''
            words='@containers'
            case $before in
            esac
            ;;
        'unpause'|'container unpause')
            options=''
            words='@containers'
            case $before in
            esac
            ;;
        'rm'|'container rm'|'container remove')
            options='-f --force -v --volumes -l --link'
            words='@containers'
            case $before in
            esac
            ;;
        'exec'|'container exec')
            options='-d --detach -e --env --env-file -i --interactive --privileged -t --tty -u --user -w --workdir --detach-keys'
            words='@containers'
            case $before in
                -e|--env) return ;;
                --env-file) return ;;
                -u|--user) return ;;
                -w|--workdir) return ;;
                --detach-keys) return ;;
            esac
            ;;
        'attach'|'container attach')
            options='--detach-keys --no-stdin --sig-proxy'
            words='@containers'
            case $before in
                --detach-keys) return ;;
            esac
            ;;
        'logs'|'container logs')
            options='-f --follow --since --until -n --tail --details -t --timestamps'
            words='@containers'
            case $before in
                --since) return ;;
                --until) return ;;
                -n|--tail) return ;;
            esac
            ;;
        'ps'|'container ls'|'container list'|'container ps')
            options='-a --all -f --filter --format -n --last -l --latest --no-trunc -q --quiet -s --size'
            words=''
            case $before in
                -f|--filter) return ;;
                --format) return ;;
                -n|--last) return ;;
            esac
            ;;
        'inspect')
            options='-f --format --type -s --size'
            words=''
            case $before in
                -f|--format) return ;;
                --type) return ;;
            esac
            ;;
        'container inspect')
            options='-f --format -s --size'
            words=''
            case $before in
                -f|--format) return ;;
            esac
            ;;
        'container prune')
            options='--filter -f --force'
            words=''
            case $before in
                --filter) return ;;
            esac
            ;;
        'diff'|'container diff')
            options=''
            words='@containers'
            case $before in
            esac
            ;;
        'export'|'container export')
            options='-o --output'
            words='@containers'
            case $before in
                -o|--output) return ;;
            esac
            ;;
        'cp'|'container cp')
            options='-a --archive -L --follow-link -q --quiet'
            words=''
            case $before in
            esac
            ;;
        'commit'|'container commit')
            options='-a --author -c --change -m --message -p --pause'
            words='@containers'
            case $before in
                -a|--author) return ;;
                -c|--change) return ;;
                -m|--message) return ;;
            esac
            ;;
        'update'|'container update')
            options='--blkio-weight --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime -c --cpu-shares --cpus --cpuset-cpus --cpuset-mems -m --memory --memory-reservation --memory-swap --pids-limit --restart'
            words='@containers'
            case $before in
                --blkio-weight) return ;;
                --cpu-period) return ;;
                --cpu-quota) return ;;
                --cpu-rt-period) return ;;
                --cpu-rt-runtime) return ;;
                -c|--cpu-shares) return ;;
                --cpus) return ;;
                --cpuset-cpus) return ;;
                --cpuset-mems) return ;;
                -m|--memory) return ;;
                --memory-reservation) return ;;
                --memory-swap) return ;;
                --pids-limit) return ;;
                --restart) return ;;
            esac
            ;;
        'wait'|'container wait')
            options=''
            words='@containers'
            case $before in
            esac
            ;;
        'rename'|'container rename')
            options=''
            words='@containers'
            case $before in
            esac
            ;;
        'port'|'container port')
            options=''
            words='@containers'
            case $before in
            esac
            ;;
        'stats'|'container stats')
            options='-a --all --no-stream --no-trunc --format'
            words='@containers'
            case $before in
                --format) return ;;
            esac
            ;;
        'top'|'container top')
            options=''
            words='@containers'
            case $before in
            esac
            ;;
        'history'|'image history')
            options='--no-trunc -q --quiet -H --human --format --platform'
            words='@images'
            case $before in
                --format) return ;;
                --platform) return ;;
            esac
            ;;
        'images'|'image ls'|'image list')
            options='-a --all --digests --no-trunc -q --quiet -f --filter --format --tree'
            words=''
            case $before in
                -f|--filter) return ;;
                --format) return ;;
            esac
            ;;
        'image import'|'import')
            options='-c --change -m --message --platform'
            words=''
            case $before in
                -c|--change) return ;;
                -m|--message) return ;;
                --platform) return ;;
            esac
            ;;
        'image inspect')
            options='-f --format --platform'
            words='@images'
            case $before in
                -f|--format) return ;;
                --platform) return ;;
            esac
            ;;
        'load'|'image load')
            options='-i --input -q --quiet --platform'
            words=''
            case $before in
                -i|--input) return ;;
                --platform) return ;;
            esac
            ;;
        'login')
            options='-u --username -p --password --password-stdin'
            words=''
            case $before in
                -u|--username) return ;;
                -p|--password) return ;;
            esac
            ;;
        'logout')
            options=''
            words=''
            case $before in
            esac
            ;;
        'image prune')
            options='-a --all -f --force --filter'
            words=''
            case $before in
                --filter) return ;;
            esac
            ;;
        'pull'|'image pull')
            options='-a --all-tags -q --quiet --platform --disable-content-trust'
            words=''
            case $before in
                --platform) return ;;
            esac
            ;;
        'push'|'image push')
            options='-a --all-tags -q --quiet --platform --disable-content-trust'
            words=''
            case $before in
                --platform) return ;;
            esac
            ;;
        'rmi'|'image rm'|'image remove')
            options='-f --force --no-prune --platform'
            words='@images'
            case $before in
                --platform) return ;;
            esac
            ;;
        'save'|'image save')
            options='-o --output --platform'
            words='@images'
            case $before in
                -o|--output) return ;;
                --platform) return ;;
            esac
            ;;
        'search')
            options='--limit --no-trunc -f --filter --format'
            words=''
            case $before in
                --limit) return ;;
                -f|--filter) return ;;
                --format) return ;;
            esac
            ;;
        'system check')
            options='--repair --quick'
            words=''
            case $before in
            esac
            ;;
        'system start')
            options=''
            words=''
            case $before in
            esac
            ;;
        'tag'|'image tag')
            options=''
            words='@images'
            case $before in
            esac
            ;;
        'network connect')
            options='--alias --ip --ip6 --link --gw-priority --driver-opt --link-local-ip'
            words='@networks'
            case $before in
                --alias) return ;;
                --ip) return ;;
                --ip6) return ;;
                --link) options='' words='@containers' ;;
                --gw-priority) return ;;
                --driver-opt) return ;;
                --link-local-ip) return ;;
            esac
            ;;
        'network create')
            options='-d --driver --internal --attachable --ipv4 --ipv6 --subnet --gateway --ip-range --aux-address --ipam-driver -o --opt --label --config-from --config-only --ingress --ipam-opt --scope'
            words=''
            case $before in
                -d|--driver) return ;;
                --subnet) return ;;
                --gateway) return ;;
                --ip-range) return ;;
                --aux-address) return ;;
                --ipam-driver) return ;;
                -o|--opt) return ;;
                --label) return ;;
                --config-from) options='' words='@networks' ;;
                --ipam-opt) return ;;
                --scope) return ;;
            esac
            ;;
        'network disconnect')
            options='-f --force'
            words='@networks'
            case $before in
            esac
            ;;
        'network inspect')
            options='-f --format -v --verbose'
            words='@networks'
            case $before in
                -f|--format) return ;;
            esac
            ;;
        'network ls'|'network list')
            options='-f --filter --format --no-trunc -q --quiet'
            words=''
            case $before in
                -f|--filter) return ;;
                --format) return ;;
            esac
            ;;
        'network prune')
            options='--filter -f --force'
            words=''
            case $before in
                --filter) return ;;
            esac
            ;;
        'network rm'|'network remove')
            options='-f --force'
            words='@networks'
            case $before in
            esac
            ;;
        'completion')
            options=''
            words='bash zsh fish'
            case $before in
            esac
            ;;
        'events'|'system events')
            options='-f --filter --format --since --until'
            words=''
            case $before in
                -f|--filter) return ;;
                --format) return ;;
                --since) return ;;
                --until) return ;;
            esac
            ;;
        'help')
            options=''
            words=''
            case $before in
            esac
            ;;
        'info'|'system info')
            options='-f --format'
            words=''
            case $before in
                -f|--format) return ;;
            esac
            ;;
        'system df')
            options='--format -v --verbose'
            words=''
            case $before in
                --format) return ;;
            esac
            ;;
        'system prune')
            options='-a --all --filter -f --force --volumes'
            words=''
            case $before in
                --filter) return ;;
            esac
            ;;
        'volume create')
            options='-d --driver --label -o --opt --availability --group --limit-bytes --required-bytes --scope --secret --sharing --topology-preferred --topology-required --type'
            words=''
            case $before in
                -d|--driver) return ;;
                --label) return ;;
                -o|--opt) return ;;
                --availability) return ;;
                --group) return ;;
                --limit-bytes) return ;;
                --required-bytes) return ;;
                --scope) return ;;
                --secret) return ;;
                --sharing) return ;;
                --topology-preferred) return ;;
                --topology-required) return ;;
                --type) return ;;
            esac
            ;;
        'volume inspect')
            options='-f --format'
            words=''
            case $before in
                -f|--format) return ;;
            esac
            ;;
        'volume ls'|'volume list')
            options='-f --filter --format -q --quiet --cluster'
            words=''
            case $before in
                -f|--filter) return ;;
                --format) return ;;
            esac
            ;;
        'volume prune')
            options='-a --all --filter -f --force'
            words=''
            case $before in
                --filter) return ;;
            esac
            ;;
        'volume rm'|'volume remove')
            options='-f --force'
            words='@volumes'
            case $before in
            esac
            ;;
        'version')
            options='-f --format'
            words=''
            case $before in
                -f|--format) return ;;
            esac
            ;;
    esac
    [[ $word == -* ]] && words=$options
    case $words in
        @containers) words=$("${program[@]}" ps --all --format '{{.Names}}' 2>/dev/null) ;;
        @images) words=$("${program[@]}" images --format '{{.Repository}}' 2>/dev/null) ;;
        @networks) words=$("${program[@]}" network ls --format '{{.Name}}' 2>/dev/null) ;;
        @volumes) words=$("${program[@]}" volume ls --quiet 2>/dev/null) ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o default -F _dok dok
