import ArgumentParser
import HostAPI
import HostConfiguration
import HostKernel
import HostModel
import HostReport
import HostTuning

/// Runs a command's work and turns what it throws into the contract's words and exit codes.
func reporting(_ work: () throws -> Void) throws {
    do { try work() } catch let error as ExitCode {
        throw error
    } catch let error as InvalidConfiguration {
        printProblems(error.problems)
        throw ExitCode(EX.error)
    } catch let error as Unreachable {
        Terminal.writeError("ais-hostd: error: \(error.reason)\n")
        throw ExitCode(EX.unreachable)
    } catch let error as CommandRefused {
        for line in error.lines { Terminal.writeError("\(line)\n") }
        throw ExitCode(EX.error)
    } catch {
        Terminal.writeError("ais-hostd: error: \(error)\n")
        throw ExitCode(EX.error)
    }
}

/// Why a command can't do what it is asked, in words.
struct CommandError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// To standard error, a line each.
func printProblems(_ problems: Problems) {
    for problem in problems.list {
        let isLoneError = problem.origin == nil && problem.severity == .error
        Terminal.writeError("\(isLoneError ? "ais-hostd: error: " : "")\(problem)\n")
    }
}

/// Prints what a command came to in the wanted format; warnings and errors go to standard error. Ends the command with
/// its exit code.
///
/// For people the changes come first; the rest is summed up in the verdict, where there is one and all else is well.
func finish(_ result: PassResult, _ options: PrintOptions) throws {
    for warning in result.warnings { Terminal.writeError("\(warning)\n") }
    let report = result.report
    if report.settings.isEmpty, !options.only.isEmpty, result.verdict == nil {
        Terminal.writeError(
            "ais-hostd: error: no setting matches --only; an id is for example sysctl/net.core.somaxconn\n")
        throw ExitCode(EX.usage)
    }
    if !options.quiet {
        switch options.output {
        case .json: print(json(report), terminator: "")
        case .yaml: print(try yaml(report), terminator: "")
        case .table:
            let style = TableStyle.terminal(verbose: options.verbose)
            if !result.changes.isEmpty { print(changeList(result.changes, style: style)) }
            let listed = Set(result.changes.map(\.id))
            if let verdict = result.verdict,
                !report.settings.contains(where: { $0.isFault && !listed.contains($0.id) })
            {
                print("\(report.node): \(verdict)")
            } else {
                print(table(report, style: style, without: listed), terminator: "")
            }
            for line in result.notes { print(line) }
        }
    }
    for error in result.errors { Terminal.writeError("ais-hostd: error: \(error)\n") }
    if !result.errors.isEmpty { throw ExitCode(EX.error) }
    if report.hasFault { throw ExitCode(EX.differs) }
}

extension TableStyle {
    static func terminal(verbose: Bool = false) -> TableStyle {
        let terminal = Terminal.standardOutput
        return TableStyle(
            width: terminal.width, color: terminal.hasColor, verbose: verbose, unicode: terminal.isUnicode)
    }
}
