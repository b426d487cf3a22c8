#!/bin/sh
# usage: course.sh DOK ONGGI NGINX    a beginner's course in containers, with dok for docker
#
# NGINX is the folder in which Debian's packages nginx and nginx-common are unpacked (hack/test).
# Runs in a network and mount namespace of its own (engine/tests/course.rs makes them) and in a
# folder that it fills; 77 says what is missing on this machine.
set -eu
work=$PWD program=$1 onggi=$2 server=$3
dok() { "$program" --root "$work/root" --run-root "$work/run" --config "$work/client" --runtime "$onggi" "$@"; }

step() { chapter=$1; echo "== $1"; }
fail() { echo "$chapter: $*" >&2; exit 1; }
# is WHAT EXPECTED
is() { [ "$1" = "$2" ] || fail "expected '$2', there is '$1'"; }
# has TEXT PART…
has() { text=$1; shift; for part; do case $text in *"$part"*) ;; *) fail "'$part' is not in: $text" ;; esac; done; }
# until_true COMMAND…: within three minutes
until_true() { for _ in $(seq 1800); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; fail "never: $*"; }
page() { busybox wget -q -O - "http://$1"; }
# with_libraries ROOT PROGRAM: copies what it is linked with
with_libraries() { ldd "$2" | grep -o '/[^ ]*' | while read -r file; do mkdir -p "$1/${file%/*}"; cp -L "$file" "$1$file"; done; }
missing() { echo "skipped: $*" >&2; exit 77; }

for need in busybox docker-registry ip ldd script; do
    command -v $need >/dev/null || missing "there is no $need"
done
[ -x "$server/usr/sbin/nginx" ] || missing "there is no nginx in $server: hack/test fetches it"
trap 'dok rm -f $(dok ps -aq) >/dev/null 2>&1 || true' EXIT
ip link set lo up

step "an image that is made on the spot"
has "$(dok run hello)" 'Hello from a container of dok.'

step "images from archives"
mkdir -p box/bin box/etc box/tmp hub/usr/bin hub/etc hub/var/lib/registry
cp "$(command -v busybox)" box/bin/busybox
for name in sh cat echo sleep ls hostname env true touch; do ln -s busybox "box/bin/$name"; done
echo 'root:x:0:0:root:/:/bin/sh' >box/etc/passwd
tar -C box -c . | dok import -c 'ENV COURSE=first' -c 'CMD ["sh"]' - busybox >/dev/null
cp -R "$server" web
cp -R box/bin web
with_libraries web "$server/usr/sbin/nginx"
mkdir -p web/etc/nginx/conf.d web/var/lib/nginx web/var/log/nginx web/run web/tmp
ln -s /dev/stdout web/var/log/nginx/access.log
ln -s /dev/stderr web/var/log/nginx/error.log
printf '%s\n' 'root:x:0:0::/:/bin/sh' 'www-data:x:33:33::/:/bin/sh' >web/etc/passwd
printf '%s\n' 'root:x:0:' 'www-data:x:33:' >web/etc/group
echo 'server { listen 80; root /usr/share/nginx/html; }' >web/etc/nginx/conf.d/page.conf
tar -C web -c . | dok import -c 'ENV PATH=/usr/sbin:/bin' -c 'EXPOSE 80' -c 'STOPSIGNAL QUIT' \
    -c 'CMD ["nginx","-g","daemon off;"]' - nginx >/dev/null
cp "$(command -v docker-registry)" hub/usr/bin
with_libraries hub "$(command -v docker-registry)"
cat >hub/etc/registry.yml <<'END'
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: /var/lib/registry}}
http: {addr: ":5000"}
END
tar -C hub -c . | dok import -c 'ENTRYPOINT ["/usr/bin/docker-registry"]' -c 'CMD ["serve","/etc/registry.yml"]' \
    - registry >/dev/null
has "$(dok images)" REPOSITORY busybox nginx registry
has "$(dok image ls nginx)" nginx latest

step "a registry that runs as a container"
dok run -d -p 9000:5000 --restart always --name registry registry >/dev/null
until_true page localhost:9000/v2/
dok tag nginx localhost:9000/course/nginx:1.0
has "$(dok push localhost:9000/course/nginx:1.0)" 'digest: sha256:'
has "$(dok rmi localhost:9000/course/nginx:1.0)" 'Untagged: localhost:9000/course/nginx:1.0'
has "$(dok pull localhost:9000/course/nginx:1.0)" 'Status: Downloaded newer image for localhost:9000/course/nginx:1.0'
page localhost:9000/v2/_catalog | grep -q course/nginx || fail "the registry does not list the image"

step "run, ps, logs"
dok run -d -p 8080:80 --name web nginx >/dev/null
until_true page localhost:8080
has "$(page localhost:8080)" 'Welcome to nginx!'
has "$(dok logs web)" 'GET / HTTP/1.1'
has "$(dok ps)" 'CONTAINER ID' web nginx '0.0.0.0:8080->80/tcp' Up
dok run -d --name talk busybox sh -c 'for n in 1 2 3; do echo line $n; sleep 0.2; done' >/dev/null
is "$(dok logs -f talk)" "$(printf 'line 1\nline 2\nline 3')"
is "$(dok logs --tail 1 talk)" 'line 3'
has "$(dok ps -a --filter name=talk)" 'Exited (0)'

step "exec"
has "$(dok exec web cat /usr/share/nginx/html/index.html)" 'Welcome to nginx!'
has "$(dok top web)" 'nginx: master process' 'nginx: worker process'
has "$(script -qec "$(printf '%s ' "$program" --root "$work/root" --run-root "$work/run" --runtime "$onggi") \
    exec -it web sh -c 'test -t 0 && echo a terminal'" /dev/null </dev/null)" 'a terminal'
is "$(dok exec -e COLOUR=red -w /tmp web sh -c 'echo $COLOUR $PWD')" 'red /tmp'

step "commands and environment"
is "$(dok run --rm busybox echo hi)" hi
is "$(dok run --rm busybox sh -c 'echo $COURSE')" first
is "$(dok run --rm -e COURSE=second busybox sh -c 'echo $COURSE')" second
is "$(dok run --rm --entrypoint echo busybox over)" over
is "$(echo typed | dok run --rm -i busybox cat)" typed
code=0; dok run --rm busybox sh -c 'exit 7' || code=$?; is $code 7

step "stop, start, restart, pause"
dok run -d --name deaf busybox sh -c 'trap "" TERM; echo up; while :; do sleep 1; done' >/dev/null
until_true sh -c "'$program' --root '$work/root' --run-root '$work/run' logs deaf | grep -q up"
before=$(date +%s); is "$(dok stop deaf)" deaf; took=$(($(date +%s) - before))
[ $took -ge 10 ] || fail "the grace was $took seconds"
has "$(dok ps -a --filter name=deaf)" 'Exited (137)'
is "$(dok stop web)" web
has "$(dok ps -a --filter name=web)" 'Exited (0)'
is "$(dok start web)" web
until_true page localhost:8080
dok create -i --name later busybox cat >/dev/null
is "$(echo again | dok start -i later)" again
dok restart -t 0 web >/dev/null
until_true page localhost:8080
dok pause web >/dev/null
has "$(dok ps)" '(Paused)'
dok unpause web >/dev/null

step "cp and commit"
echo 'Hello from the course' >index.html
dok cp index.html web:/usr/share/nginx/html/index.html
is "$(page localhost:8080)" 'Hello from the course'
dok cp web:/usr/share/nginx/html/index.html back.html
cmp index.html back.html || fail "what came back differs"
has "$(dok commit -m 'a new page' web mine:1)" sha256:
is "$(dok run --rm mine:1 cat /usr/share/nginx/html/index.html)" 'Hello from the course'
has "$(dok run --rm nginx cat /usr/share/nginx/html/index.html)" 'Welcome to nginx!'

step "image inspect, save and load, export and import"
is "$(dok image inspect --format '{{.Config.Cmd}}' busybox)" '[sh]'
dok save -o mine.tar mine:1
has "$(dok rmi mine:1)" 'Untagged: mine:1' 'Deleted: sha256:'
has "$(dok load -i mine.tar)" 'Loaded image: mine:1'
dok export -o web.tar web
tar -tf web.tar | grep -q 'usr/share/nginx/html/index.html' || fail "the page is not in the export"
dok import web.tar flat >/dev/null
is "$(dok run --rm flat cat /usr/share/nginx/html/index.html)" 'Hello from the course'

step "everything goes"
dok rm -f $(dok ps -aq) >/dev/null
is "$(dok ps -aq)" ''
has "$(dok rmi mine:1)" 'Untagged: mine:1' 'Deleted: sha256:'
has "$(dok rmi localhost:9000/course/nginx:1.0)" 'Untagged: localhost:9000/course/nginx:1.0'
has "$(dok image prune -af)" 'Total reclaimed space:'
is "$(dok images -q)" ''
has "$(dok system check)" '0 problems, 0B left over'
