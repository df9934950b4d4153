# What the trials of a whole system say, a line each: `ok WHAT`, or `RED WHAT: why`.

expect() { # WHAT EXIT-CODE COMMAND...: the last one's output is kept in `said`
    local what=$1 code=$2 got=0
    shift 2
    said=$("$@" 2>&1) || got=$?
    if [ "$got" != "$code" ]; then echo "RED $what: exit code $got, expected $code: $said"; else echo "ok $what"; fi
}
holds() { if grep -qF -- "$2" <<<"$said"; then echo "ok $1"; else echo "RED $1: expected $2 in: $said"; fi; }
same() { # WHAT WANTED GOT
    if [ "$2" = "$3" ]; then echo "ok $1"; else echo "RED $1: $(diff <(echo "$2") <(echo "$3") | head -n 40)"; fi
}
eventually() { # WHAT COMMAND...: within ten seconds
    local what=$1
    shift
    for _ in $(seq 100); do
        if "$@" >/dev/null 2>&1; then echo "ok $what"; return; fi
        sleep 0.1
    done
    echo "RED $what: never came true: $*"
}
answers() { [ "$(curl --silent --output /dev/null --write-out '%{http_code}' http://127.0.0.1:9847/v1/status)" = "$1" ]; }

# Boots a copy of this host (scripts/boot-copy.sh), runs COMMAND there, and says how it went.
trial() { # NAME LAST-LINE COMMAND...
    local name=$1 last=$2 lines
    shift 2
    skip() { # in CI what can't run is a failure
        echo "$name: skipped: $1"
        [ "${CI:-}" != true ] || exit 1
        exit 0
    }
    [ "$(id -u)" -eq 0 ] || skip "containers take root"
    command -v systemd-nspawn >/dev/null || skip "no systemd-nspawn: scripts/deps.sh test installs it"
    lines=$(scripts/boot-copy.sh "$@" | tee /dev/stderr)
    if grep -q ^RED <<<"$lines" || ! grep -qxF "ok $last" <<<"$lines"; then
        echo "$name: red"
        exit 1
    fi
    echo "$name: green, systemd $(systemctl --version | awk 'NR == 1 { print $2 }')"
}
