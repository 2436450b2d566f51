import Foundation
import RNNKit
import Testing

/// What a person at a terminal sees: its width, its characters, its colours. script(1) makes the terminal.
@Suite struct TerminalTests {
  private static let hasScript = (try? Shell.run("command -v script").status == 0) ?? false
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// What a command shows on a terminal of so many columns, without the carriage returns.
  private func shown(_ command: String, columns: Int, _ environment: [String: String] = [:]) throws -> String {
    let result = try Shell.run(
      #"TERM=xterm script -qec "stty cols $1; $2" /dev/null"#, ["\(columns)", command.replacing("rnn ", with: "\(Command.executable.path) ")],
      environment: environment)
    return String(String.UnicodeScalarView(result.output.unicodeScalars.filter { $0 != "\r" }))
  }

  @Test func heedsTheWidth() throws {
    guard Self.hasScript else { return print("terminal: skipped, script(1) is not installed") }
    let plot = "rnn run \(Samples.path("sunspots/sunspots")) -i \(Samples.file("sunspots/input.csv")) --plot"
    for columns in [50, 120] {
      let lines = try shown(plot, columns: columns).split(separator: "\n").filter { $0.contains("│") }
      #expect(lines.count == 12 && lines.allSatisfy { $0.count <= columns })
      // And uses it: 300 steps have more points than either has.
      #expect(lines.map(\.count).max() ?? 0 >= columns - 12)
    }
    let formats = try shown("rnn formats", columns: 100)
    #expect(formats.split(separator: "\n").allSatisfy { $0.count <= 100 || !$0.contains("  ") }, "\(formats)")
    // Through a pipe a row is a line.
    let piped = try Command.run("formats").output
    #expect(formats.split(separator: "\n").count > piped.split(separator: "\n").count)
    #expect(formats.split(whereSeparator: \.isWhitespace) == piped.split(whereSeparator: \.isWhitespace))
  }

  @Test func showsASCIIWhereAskedOrInTheCLocale() throws {
    let model = Samples.path("sunspots/sunspots"), input = Samples.file("sunspots/input.csv")
    for command in ["inspect \(model)", "verify \(model)", "run \(model) -i \(input) --plot", "diagnose \(model)",
      "bench \(model) --seconds 0.001", "formats", "run --help", "inspect nowhere-é"] {
      let plain = try Shell.run("$RNN \(command) 2>&1", environment: ["LC_ALL": "C"])
      let asked = command.hasSuffix("--help") ? plain : try Shell.run("$RNN \(command) --ascii 2>&1")
      for result in [plain, asked] { #expect(result.output.utf8.allSatisfy { $0 < 0x80 }, "\(command): \(result.output)") }
      #expect(!plain.output.isEmpty)
    }
    // The curve is still drawn, and JSON is what it is.
    let plot = try Shell.run("$RNN run '\(model)' -i '\(input)' --plot --ascii").lines
    #expect(plot.count == 14 && plot[1...6].allSatisfy { line in line.contains("|") } && plot[1...6].joined().contains(":"))
    let json = "$RNN formats --json"
    #expect(try Shell.run(json, environment: ["LC_ALL": "C"]).output == Shell.run(json, environment: ["LC_ALL": "C.UTF-8"]).output)
  }

  /// A second in, of three: the share, and how long it takes still.
  @Test func showsHowFarWorkIs() throws {
    guard Self.hasScript else { return print("terminal: skipped, script(1) is not installed") }
    let text = try shown("rnn bench \(Samples.path("lstm")) --seconds 2.5", columns: 80)
    let share = try #require(text.components(separatedBy: "measuring, ").dropFirst().first?.components(separatedBy: " %").first.flatMap { Int($0) })
    #expect((10...90).contains(share) && text.contains(" s left"), "\(text)")
    #expect(try !shown("rnn bench \(Samples.path("lstm")) --seconds 2.5 -q", columns: 80).contains("measuring"))
  }

  @Test func coloursVerdictsAndErrorsOnATerminalAlone() throws {
    let verify = "verify \(Samples.path("lstm"))", green = "\u{1B}[32mmatch\u{1B}[0m", red = "\u{1B}[31mrnn:\u{1B}[0m"
    #expect(try !Shell.run("$RNN \(verify)").output.contains("\u{1B}"))
    #expect(try Shell.run("$RNN \(verify) --color always").output.contains(green))
    #expect(try !Shell.run("$RNN inspect nowhere").errors.contains("\u{1B}"))
    guard Self.hasScript else { return print("terminal: skipped, script(1) is not installed") }
    #expect(try shown("rnn \(verify)", columns: 80).contains(green))
    #expect(try shown("rnn inspect nowhere", columns: 80).contains(red))
    #expect(try !shown("rnn \(verify); rnn inspect nowhere", columns: 80, ["NO_COLOR": "1"]).contains("\u{1B}[3"))
    #expect(try !shown("rnn \(verify) --color never", columns: 80).contains("\u{1B}[3"))
    #expect(try shown("rnn \(verify) --color always", columns: 80, ["NO_COLOR": "1"]).contains(green))
  }
}
