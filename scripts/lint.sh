#!/usr/bin/env bash
# What the compiler does not refuse and this project does. Prints FILE:LINE: what, and what instead; exit 1 if anything.
#
#   scripts/lint.sh           everything
#   scripts/lint.sh bans      the project's own rules only, in a second
#   scripts/lint.sh format    the formatter's rules only
#   scripts/lint.sh published the shipped profiles only: their values never change
#   scripts/lint.sh shell     the scripts only
#   scripts/lint.sh profiles  prints the lines of etc/profiles/SHA256SUMS for the profiles that are not in it yet
#
# scripts/lint-test.sh plants a violation of each rule and sees it go red: a new rule comes with its line there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

faults=0

# Prints what it reads, and remembers that there was something.
report() {
    local line
    while IFS= read -r line; do
        printf '%s\n' "$line"
        faults=$((faults + 1))
    done
}

swift_files() { find Sources -name '*.swift' -type f | sort; }

# Sources as FILE:LINE:CODE, without comments and without what stands between quotes.
code() {
    swift_files | xargs -r awk '
        FNR == 1 { block = 0; text = 0 }
        {
            line = $0
            if (text) { if (line ~ /"""/) text = 0; next }
            gsub(/\\"/, "", line)
            if (line ~ /"""/) { text = 1; sub(/""".*/, "", line) }
            gsub(/"[^"]*"/, "\"\"", line)
            if (block) {
                if (line !~ /\*\//) next
                sub(/^.*\*\//, "", line); block = 0
            }
            gsub(/\/\*[^*]*\*\//, "", line)
            if (line ~ /\/\*/) { block = 1; sub(/\/\*.*/, "", line) }
            sub(/\/\/.*/, "", line)
            if (line !~ /^[ \t]*$/) print FILENAME ":" FNR ":" line
        }'
}

# The imports of Sources as FILE LINE MODULE: `package import struct A.B` is A.
imports() {
    awk '
        match($0, /^[^:]*:[0-9]+:/) {
            place = substr($0, 1, RLENGTH - 1); rest = substr($0, RLENGTH + 1)
            if (rest !~ /(^|[ \t;])import[ \t]/) next
            sub(/^.*import[ \t]+/, "", rest)
            sub(/^(struct|class|enum|protocol|typealias|func|let|var)[ \t]+/, "", rest)
            sub(/[^A-Za-z0-9_].*/, "", rest)
            split(place, part, ":"); print part[1], part[2], rest
        }' <<<"$all_code"
}

# ban PATTERN MESSAGE [FILES THAT MAY]: an extended regular expression against the code; files as another one.
ban() {
    local pattern=$1 message=$2 except=${3:-^$}
    PATTERN=$pattern MESSAGE=$message EXCEPT=$except awk '
        match($0, /^[^:]*:[0-9]+:/) {
            place = substr($0, 1, RLENGTH - 1); rest = substr($0, RLENGTH + 1)
            file = place; sub(/:[0-9]+$/, "", file)
            if (file !~ ENVIRON["EXCEPT"] && (" " rest " ") ~ ENVIRON["PATTERN"]) print place ": " ENVIRON["MESSAGE"]
        }' <<<"$all_code"
}

# Who may import what: docs/architecture.md in a form that a script can read. A new room or package gets its word here.
may_import() {
    case "$1" in
        HostModel) echo "" ;;
        HostConfiguration) echo "HostModel CYaml" ;;
        HostKernel) echo "HostModel CLinux Glibc" ;;
        HostTuning) echo "HostModel HostConfiguration" ;;
        HostReport) echo "HostModel CYaml" ;;
        HostAPI) echo "HostModel HostConfiguration HostTuning HostReport HostKernel NIO*" ;;
        HostTestSupport) echo "HostModel HostKernel CLinux Glibc" ;;
        ais-hostd)
            echo "HostModel HostConfiguration HostKernel HostTuning HostReport HostAPI ArgumentParser" ;;
        *) return 1 ;;
    esac
}

# What every room may have: the language's own, and the part of Foundation without ICU.
everybody="FoundationEssentials Synchronization"

check_imports() {
    local file line module room allowed word fits
    while read -r file line module; do
        [ -n "$file" ] || continue
        room=${file#Sources/}
        room=${room%%/*}
        case "$module" in
            FoundationEssentials) ;;
            Foundation*)
                echo "$file:$line: import $module: it brings ICU and 40 MB; import FoundationEssentials" \
                    "(docs/decisions/0004)"
                continue
                ;;
        esac
        if ! allowed=$(may_import "$room"); then
            echo "$file:$line: $room is not a room of docs/architecture.md: add it there and to scripts/lint.sh"
            continue
        fi
        fits=no
        for word in $everybody $allowed; do
            # A word of the list may end in a star.
            # shellcheck disable=SC2053
            if [[ $module == $word ]]; then fits=yes; fi
        done
        [ $fits = yes ] && continue
        case "$module" in
            Glibc | CLinux) echo "$file:$line: import $module: only HostKernel talks to the system; ask for it" \
                "through a protocol of HostModel/Host.swift" ;;
            CYaml) echo "$file:$line: import CYaml: only HostConfiguration (reads) and HostReport (prints) know YAML" ;;
            *) echo "$file:$line: $room may not import $module: it may import ${allowed:-nothing of ours}" \
                "(docs/architecture.md)" ;;
        esac
    done < <(imports)
}

lint_bans() {
    all_code=$(code)

    report < <(check_imports)

    # The first job on Swift's global executor arms a timer that wakes the process once a second for ever.
    local awake="the global executor wakes the daemon once a second for ever"
    report < <(ban '[^A-Za-z0-9_]Task[.]sleep' "Task.sleep: $awake; use a timer of the loop")
    report < <(ban '[^A-Za-z0-9_]Task[.](detached|immediate)' "Task.detached: $awake; use the loop or the worker")
    report < <(ban '[^A-Za-z0-9_]Task([ \t]*<[^>]*>)?[ \t]*[({]' \
        "Task {}: $awake (a bare task drops the preferred executor); use the loop or the worker")
    report < <(ban '[^A-Za-z0-9_]AsyncParsableCommand' "AsyncParsableCommand: $awake; use ParsableCommand")
    report < <(ban '[^A-Za-z0-9_]await[ \t].*\.get\(\)' "await ….get() of NIO: $awake; use wait() or a callback")
    report < <(ban '[^A-Za-z0-9_]DispatchSource' \
        "DispatchSource: 75 µs where epoll takes 30, and it spins on mountinfo; use the loop")

    local pointers='Unsafe(Mutable)?(Raw)?(Buffer)?Pointer|OpaquePointer|withUnsafe|unsafeBitCast|unsafeDowncast'
    report < <(ban "[^A-Za-z0-9_]($pointers)" \
        "unsafe pointers: only in HostKernel, and around libyaml (Yaml*.swift of HostConfiguration and HostReport)" \
        '^Sources/(HostKernel/|HostTestSupport/|(HostConfiguration|HostReport)/Yaml[A-Za-z+]*[.]swift$)')

    # The reason stands on the line before, or at the end of the block of comments and attributes before.
    report < <(swift_files | xargs -r awk '
        FNR == 1 { before = "" }
        /@unchecked[ \t]+Sendable/ && $0 !~ /^[ \t]*\/\// && before !~ /^[ \t]*\/\// {
            print FILENAME ":" FNR ": @unchecked Sendable without a comment on the line before that says why it is safe"
        }
        { before = $0 }')

    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        report < <(git ls-files -- '.build*' 'Package.resolved' \
            | awk '{ print $0 ":1: what a build leaves behind is not tracked: git rm --cached " $0 }')
    fi
}

# docs/decisions/0005: a published profile never changes its values. Its comments may be corrected.
profile_sums() {
    local file
    for file in etc/profiles/*/v*.yaml; do
        [ -f "$file" ] || continue
        printf '%s  %s\n' "$(sed -e 's/^[ \t]*#.*//' -e 's/[ \t]#.*//' -e 's/[ \t]*$//' "$file" | sed '/^$/d' \
            | sha256sum | cut -d ' ' -f 1)" "$file"
    done
}

lint_profiles() {
    local sum file published=etc/profiles/SHA256SUMS
    report < <(profile_sums | while read -r sum file; do
        if ! grep -qF "  $file" "$published" 2>/dev/null; then
            echo "$file:1: not in $published: scripts/lint.sh profiles >>$published adds it"
        elif ! grep -qxF "$sum  $file" "$published"; then
            echo "$file:1: the values of a profile never change: write the next vN (docs/decisions/0005)"
        fi
    done)
    [ ! -f "$published" ] || report < <(while read -r sum file; do
        [ -f "$file" ] || echo "$file:1: a published profile stays (docs/decisions/0005)"
    done <"$published")
}

lint_format() {
    if ! swift format lint --strict --recursive --parallel Package.swift Sources $(ls -d Tests benchmarks 2>/dev/null); then
        faults=$((faults + 1))
        echo "lint: make format corrects most of that"
    fi
}

lint_shell() {
    local script
    local -a scripts=(.ci/run)
    for script in scripts/*.sh benchmarks/*.sh; do
        [ ! -f "$script" ] || scripts+=("$script")
    done
    for script in "${scripts[@]}"; do
        [ -f "$script" ] || continue
        bash -n "$script" || faults=$((faults + 1))
        [ -x "$script" ] || report <<<"$script:1: a script that can't be run: chmod +x"
    done
    if command -v shellcheck >/dev/null; then
        shellcheck --severity=warning --format=gcc "${scripts[@]}" || faults=$((faults + 1))
    fi
}

case "${1:-all}" in
    bans) lint_bans ;;
    format) lint_format ;;
    shell) lint_shell ;;
    published) lint_profiles ;;
    profiles)
        profile_sums | while read -r sum file; do
            grep -qsF "  $file" etc/profiles/SHA256SUMS || echo "$sum  $file"
        done
        exit 0
        ;;
    all)
        lint_bans
        lint_profiles
        lint_shell
        lint_format
        ;;
    *)
        echo "usage: scripts/lint.sh [bans|published|shell|format|profiles]" >&2
        exit 64
        ;;
esac

if [ "$faults" -gt 0 ]; then
    echo "lint: red ($faults)"
    exit 1
fi
echo "lint: green"
