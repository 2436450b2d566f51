import Foundation
import RNNKit
import Testing

/// Outputs that are one file, however they are spelled, and outputs of which all or none are made.
@Suite struct OneFileTests {
  private let scratch: Scratch
  private let model: String
  private var run: [String] { ["run", model, "--input", scratch.path("x.csv")] }

  init() throws {
    scratch = try Scratch()
    model = try Samples.native("lstm", scratch)
    try Data("1,2,3,4\n5,6,7,8\n".utf8).write(to: scratch.url("x.csv"))
  }

  /// Names of `o.npz` other than its path. The second is of a file that is there.
  @Test(arguments: [false, true]) func refusesTwoOutputsThatAreOneFile(_ exists: Bool) throws {
    try FileManager.default.createDirectory(at: scratch.url("sub"), withIntermediateDirectories: false)
    symlink(".", scratch.path("folder"))
    symlink("o.npz", scratch.path("link.npz"))
    symlink("sub/../link.npz", scratch.path("chain.npz"))
    let output = scratch.path("o.npz")
    var names = ["./o.npz", "sub/../o.npz", "folder/o.npz", "folder/folder/link.npz", "link.npz", "chain.npz", "/./o.npz"]
      .map { scratch.folder.path + "/" + $0 }
    if exists {
      try Data("old".utf8).write(to: scratch.url("o.npz"))
      try #require(link(output, scratch.path("hard.npz")) == 0)
      names.append(scratch.path("hard.npz"))
    }
    for name in names {
      for (first, second) in [(output, name), (name, output)] {
        for force in [[], ["--force"]] {
          #expect(try Refusal.of(run + ["--output", first, "--state-out", second] + force, status: 64, in: scratch)
            == "--output and --state-out name the same file; choose two")
        }
      }
    }
  }

  @Test func refusesStandardOutputAndAnOutputThatAreOneFile() throws {
    let refused = try Shell.run("""
      "$RNN" convert model.rnn o.rnn --json --force > o.rnn; echo $?
      "$RNN" run model.rnn --input x.csv --output o.npz --plot --force > o.npz; echo $?
      "$RNN" convert model.rnn /dev/stdout --to native --json | wc -c
      """, in: scratch.folder)
    #expect(refused.lines == ["64", "64", "0"])
    #expect(refused.errors.split(separator: "\n") == [
      "rnn: the output and standard output name the same file; send it elsewhere",
      "rnn: --output and standard output name the same file; send it elsewhere",
      "rnn: the output and standard output name the same file; send it elsewhere",
    ])
  }

  @Test func refusesAnOutputInThePlaceOfWhatIsReadBeside() throws {
    let reference = try #require(try Samples.open("lstm").archive.cases.first)
    try ArrayFile.write(reference.members, scratch.path("case.npz"))
    try Data("{\"rename\": {}}".utf8).write(to: scratch.url("names.json"))
    let same = scratch.folder.path + "/./"
    for (arguments, message) in [
      (["convert", model, same + "case.npz", "--case", scratch.path("case.npz")], "the output and --case"),
      (["convert", model, same + "names.json", "--mapping", scratch.path("names.json")], "the output and --mapping"),
      (run + ["--output", same + "model.rnn"], "--output and the model"),
      (run + ["--state-out", same + "model.rnn"], "--state-out and the model"),
    ] {
      #expect(try Refusal.of(arguments + ["--force"], status: 64, in: scratch)
        == message + " name the same file; choose another output")
    }
  }

  /// A state goes on in its own file, and a run's output may replace its input.
  @Test func replacesAStateByTheNextOne() throws {
    let state = scratch.path("s.npz")
    try #require(Command.run(run + ["--state-out", state]).status == 0)
    let first = try Data(contentsOf: scratch.url("s.npz"))
    #expect(try Command.run(run + ["--state-in", state, "--state-out", state, "--force"]).status == 0)
    #expect(try Data(contentsOf: scratch.url("s.npz")) != first)
    #expect(try Command.run(run + ["--output", scratch.path("x.csv"), "--force"]).status == 0)
    #expect(try String(contentsOf: scratch.url("x.csv"), encoding: .utf8) != "1,2,3,4\n5,6,7,8\n")
    for output in ["/dev/null", "/dev/stderr"] where FileManager.default.fileExists(atPath: output) {
      #expect(try Command.run(run + ["--output", "/dev/null", "--state-out", "/dev/null"]).status != 65)
    }
  }

  /// Whatever cannot be printed, or written second, leaves the state from before.
  @Test(arguments: [
    ("convert", "\"$RNN\" convert model.rnn new.rnn --json"), ("convert", "\"$RNN\" convert model.rnn old.rnn --force --json"),
    ("convert", "\"$RNN\" convert model.rnn new.h5 --json"), ("run", "\"$RNN\" run model.rnn --input x.csv --state-out new.npz"),
    ("run", "\"$RNN\" run model.rnn --input x.csv --output old.npz --force --plot"),
    ("run", "printf '1,2,3,4\\n' | \"$RNN\" run model.rnn --stream --state-out new.npz"),
    ("run", "\"$RNN\" run model.rnn --input x.csv --output - --state-out new.npz"),
  ])
  func leavesNoOutputWhereItsReportCannotBeWritten(_ command: String, _ line: String) throws {
    for name in ["old.rnn", "old.npz"] { try Data("old".utf8).write(to: scratch.url(name)) }
    let before = try scratch.files()
    let result = try Shell.run(line + " > /dev/full", in: scratch.folder)
    #expect(result.status == 74)
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    #expect(result.errors.hasPrefix("rnn: ") && result.errors.contains("No space left on device"), "\(result.errors)")
    #expect(try scratch.files() == before)
  }

  /// The second output cannot take its name: another user's file in a sticky folder is not theirs to replace.
  @Test(.enabled(if: Shell.isRoot, "a file that may be written but not replaced takes root to make"))
  func withdrawsTheFirstOutputWhereTheSecondFails() throws {
    try Data("old".utf8).write(to: scratch.url("o.npz"))
    try FileManager.default.createDirectory(at: scratch.url("sticky"), withIntermediateDirectories: false)
    try Data("theirs".utf8).write(to: scratch.url("sticky/s.npz"))
    let made = try Shell.run("""
      chown 1000 . o.npz; chmod 1777 sticky; chown 3000 sticky sticky/s.npz; chmod 666 sticky/s.npz; chmod 644 *.*
      for output in o.npz new.npz; do
        setpriv --reuid 1000 --regid 1000 --clear-groups \
          "$RNN" run model.rnn --input x.csv --output $output --state-out sticky/s.npz --force; echo $?
      done
      cat o.npz sticky/s.npz; ls -A . sticky
      """, in: scratch.folder)
    #expect(made.lines == [
      "73", "73", "oldtheirs.:", "model.rnn", "o.npz", "sticky", "x.csv", "sticky:", "s.npz",
    ], "\(made.output)\(made.errors)")
    #expect(made.errors.split(separator: "\n").allSatisfy { $0.hasPrefix("rnn: sticky/s.npz: cannot be created: ") })
  }
}
