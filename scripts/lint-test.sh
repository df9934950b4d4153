#!/usr/bin/env bash
# Proves that every rule of scripts/lint.sh can go red: plants a violation of each in a copy, and sees it named at its
# very line; and that what is allowed stays green. A rule that nothing can break is no rule.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

mkdir -p "$copy/scripts" "$copy/Sources/HostModel" "$copy/.ci"
cp "$root/scripts/lint.sh" "$copy/scripts/"
cp "$root/.swift-format" "$copy/"
printf '// swift-tools-version: 6.1\n' >"$copy/Package.swift"
cd "$copy"
git init --quiet .

count=0
faults=0

plant() { # FILE TEXT
    mkdir -p "$(dirname "$1")"
    printf '%b\n' "$2" >"$1"
}

fault() {
    faults=$((faults + 1))
    echo "lint-test: $1"
    printf '%s\n' "$output" | sed 's/^/    /'
}

# red PART FILE LINE WORD TEXT: this text in this file is named at this line with this word.
red() {
    count=$((count + 1))
    plant "$2" "$5"
    if output=$(scripts/lint.sh "$1" 2>&1); then
        fault "stayed green: $2: $5"
    elif ! grep -F "$2:$3:" <<<"$output" | grep -qF -e "$4"; then
        fault "did not name $2:$3 with \"$4\": $5"
    fi
    rm -f "$2"
}

# green FILE TEXT: this is allowed.
green() {
    count=$((count + 1))
    plant "$1" "$2"
    output=$(scripts/lint.sh bans 2>&1) || fault "went red: $1: $2"
    rm -f "$1"
}

green Sources/HostModel/A.swift 'let a = 1'

# Foundation
red bans Sources/HostModel/A.swift 1 'import Foundation:' 'import Foundation'
red bans Sources/HostKernel/A.swift 2 'import Foundation:' '// why\nprivate import Foundation'
red bans Sources/ais-hostd/A.swift 1 'import Foundation:' 'import struct Foundation.Date'
red bans Sources/HostReport/A.swift 1 'FoundationNetworking:' '@preconcurrency package import FoundationNetworking'
red bans Sources/HostReport/A.swift 1 'FoundationInternationalization:' 'import FoundationInternationalization'
green Sources/HostModel/A.swift 'package import FoundationEssentials\nimport struct FoundationEssentials.Date'
green Sources/HostModel/A.swift '// import Foundation\n/* import Foundation */ let a = "import Foundation"'

# The global executor
red bans Sources/HostTuning/A.swift 1 'Task.sleep' 'try await Task.sleep(for: .seconds(1))'
red bans Sources/HostTuning/A.swift 1 'Task.detached' 'Task.detached { 1 }'
red bans Sources/HostTuning/A.swift 1 'Task {}' 'let t = Task { 1 }'
red bans Sources/HostTuning/A.swift 1 'Task {}' 'Task(priority: .high) { 1 }'
red bans Sources/HostTuning/A.swift 1 'Task {}' 'Task<Void, Never>{ 1 }'
red bans Sources/ais-hostd/A.swift 1 'AsyncParsableCommand' 'struct Run: AsyncParsableCommand {}'
red bans Sources/HostAPI/A.swift 1 'NIO' 'let channel = try await bootstrap.bind(to: path).get()'
red bans Sources/HostKernel/A.swift 1 'DispatchSource' 'let source = DispatchSource.makeReadSource(fileDescriptor: 1)'
green Sources/HostTuning/A.swift 'let subTask = 1 // Task { }\nstruct TaskList {}\nlet a = "Task.sleep"'
green Sources/HostTuning/A.swift 'let text = """\n    Task.detached { }\n    """'

# The rooms
red bans Sources/HostTuning/A.swift 1 'only HostKernel talks' 'import Glibc'
red bans Sources/ais-hostd/A.swift 1 'only HostKernel talks' '@preconcurrency import Glibc'
red bans Sources/HostReport/A.swift 1 'only HostKernel talks' 'internal import CLinux'
red bans Sources/HostTuning/A.swift 1 'import CYaml' 'import CYaml'
red bans Sources/HostModel/A.swift 1 'HostModel may not import HostTuning' 'import HostTuning'
red bans Sources/HostTuning/A.swift 1 'HostTuning may not import HostKernel' 'import HostKernel'
red bans Sources/HostConfiguration/A.swift 1 'may not import HostReport' 'package import HostReport'
red bans Sources/HostKernel/A.swift 1 'may not import HostTuning' 'import HostTuning'
red bans Sources/HostReport/A.swift 1 'may not import NIOCore' 'import NIOCore'
red bans Sources/HostTuning/A.swift 1 'may not import ArgumentParser' 'import ArgumentParser'
red bans Sources/HostCellar/A.swift 1 'not a room' 'import HostModel'
green Sources/HostKernel/A.swift 'import CLinux\n@preconcurrency import Glibc\nimport Synchronization'
green Sources/HostConfiguration/A.swift 'private import CYaml\npackage import HostModel'
green Sources/HostAPI/A.swift 'import NIOCore\nimport NIOHTTP1\nimport HostReport'
green Sources/ais-hostd/A.swift 'import ArgumentParser\nimport HostKernel\nimport HostTuning'

# Unsafe code
red bans Sources/HostTuning/A.swift 1 'unsafe pointers' 'let p: UnsafeMutableRawBufferPointer? = nil'
red bans Sources/HostConfiguration/A.swift 1 'unsafe pointers' 'bytes.withUnsafeBytes { _ in }'
red bans Sources/HostReport/A.swift 1 'unsafe pointers' 'let p: OpaquePointer? = nil'
green Sources/HostConfiguration/Yaml.swift 'bytes.withUnsafeBytes { _ in }'
green Sources/HostConfiguration/YamlReader.swift 'let p: OpaquePointer? = nil'
green Sources/HostReport/Yaml.swift 'let p: UnsafePointer<UInt8>? = nil'
green Sources/HostKernel/Files.swift 'let p: UnsafeMutableRawPointer? = nil'
red bans Sources/HostKernel/A.swift 2 '@unchecked Sendable' 'let a = 1\nfinal class A: @unchecked Sendable {}'
red bans Sources/HostKernel/A.swift 1 '@unchecked Sendable' 'final class A: @unchecked Sendable {} // safe'
green Sources/HostKernel/A.swift '// The descriptor never changes after init.\nfinal class A: @unchecked Sendable {}'

# What a build leaves behind
count=$((count + 1))
echo '{}' >Package.resolved
git add -f Package.resolved
if output=$(scripts/lint.sh bans 2>&1); then fault "stayed green: a tracked Package.resolved"; fi
git rm --quiet --cached Package.resolved
mkdir .build && echo x >.build/x && git add -f .build/x
if output=$(scripts/lint.sh bans 2>&1); then fault "stayed green: a tracked .build"; fi
git rm --quiet -r --cached .build
rm -r .build Package.resolved

# Published profiles
profile=etc/profiles/ais-test/v1.yaml
red published $profile 1 'not in' 'apiVersion: ais-hostd/v1\nsysctl:\n  a: 1'
plant $profile 'apiVersion: ais-hostd/v1\nsysctl:\n  a: 1'
scripts/lint.sh profiles >>etc/profiles/SHA256SUMS
count=$((count + 1))
plant $profile 'apiVersion: ais-hostd/v1\n\nsysctl:\n  # A reason.\n  a: 1  # Another.'
output=$(scripts/lint.sh published 2>&1) || fault "went red: a corrected comment in $profile"
red published $profile 1 'never change' 'apiVersion: ais-hostd/v1\nsysctl:\n  a: 2'
count=$((count + 1))
if output=$(scripts/lint.sh published 2>&1); then fault "stayed green: $profile is gone"; fi
rm etc/profiles/SHA256SUMS

# Scripts
red shell scripts/a.sh 1 "can't be run" '#!/bin/sh'
count=$((count + 1))
plant scripts/a.sh '#!/bin/sh\nif true; then'
chmod +x scripts/a.sh
if output=$(scripts/lint.sh shell 2>&1); then fault "stayed green: a script that is no shell"; fi
rm scripts/a.sh

# The units
cp -r "$root/systemd" .
cp "$root/scripts/check-units.sh" scripts/

unit() { # FILE WORD SED: the unit that is changed so is refused with this word.
    count=$((count + 1))
    sed -i "$3" "systemd/$1"
    if output=$(scripts/check-units.sh 2>&1); then
        fault "stayed green: systemd/$1: $3"
    elif ! grep -qF -e "$2" <<<"$output"; then
        fault "did not say \"$2\": systemd/$1: $3"
    fi
    cp "$root/systemd/$1" systemd/
}

unit ais-hostd.service "Unknown key 'PrivatTmp'" 's/^PrivateTmp=/PrivatTmp=/'
unit ais-hostd.service 'is not executable' 's,^ExecStart=/usr/bin/,ExecStart=/usr/sbin/,'
unit ais-hostd.service 'ais-hostd.service is more exposed' '/^NoNewPrivileges=/d'
unit ais-hostd-http.service 'ais-hostd-http.service is more exposed' '/^PrivateNetwork=/d'
unit ais-hostd-http.socket '9847x' 's/9847/9847x/'
unit ais-hostd.sysusers 'no group' 's/^g ais/g asi/'
rm -r systemd scripts/check-units.sh

# The formatter: one rule of layout, and the three that no compiler refuses. It names the file and the rule.
red format Sources/HostModel/A.swift 1 'Indentation' '  let a = 1'
red format Sources/HostModel/A.swift 1 'NeverUseForceTry' 'let a = try! f()'
red format Sources/HostModel/A.swift 1 'NeverForceUnwrap' 'let a = b!'
red format Sources/HostModel/A.swift 1 'NeverForceUnwrap' 'let a = b as! Int'

if [ "$faults" -gt 0 ]; then
    echo "lint-test: red ($faults of $count)"
    exit 1
fi
echo "lint-test: green ($count)"
