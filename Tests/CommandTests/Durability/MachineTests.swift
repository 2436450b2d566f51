import Foundation
import Testing

/// A machine that gives less than usual: limits, a missing /proc, a broken installation.
@Suite struct MachineTests {
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
    _ = try Samples.native("lstm", scratch, as: "m.rnn")
  }

  /// A limit of the user's is an error of the call that meets it, in the process that reads HDF5 too.
  @Test(arguments: ["rnn", "h5", "pt", "npz", "safetensors", "onnx", "json", "keras"])
  func saysThatAFileReachesItsLimit(_ format: String) throws {
    for output in ["old.\(format)", "new.\(format)"] {
      let result = try Shell.run("""
        printf old > old.\(format); ulimit -f 4; "$RNN" convert m.rnn \(output) --force --quiet; echo $?; cat old.*; ls -A
        """, in: scratch.folder)
      #expect(result.lines == ["74", "oldm.rnn", "old.\(format)"], "\(result.output)\(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
      #expect(result.errors.hasPrefix("rnn: ") && result.errors.contains("ulimit -f"), "\(result.errors)")
    }
  }

  @Test func saysThatTemporaryFilesReachTheirLimit() throws {
    let sample = Samples.path("lstm")
    let result = try Shell.run(
      "ulimit -f 1; \"$RNN\" convert \"$1\" new.rnn --quiet; echo $?; ls -A", [sample], in: scratch.folder)
    #expect(result.lines == ["74", "m.rnn"], "\(result.output)\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1 && result.errors.contains("ulimit -f"), "\(result.errors)")
  }

  @Test func saysThatStandardOutputReachesItsLimit() throws {
    let result = try Shell.run("ulimit -f 1; \"$RNN\" inspect m.rnn --json > out; echo $?", in: scratch.folder)
    #expect(result.lines == ["74"])
    #expect(result.errors == "rnn: standard output cannot be written: File too large; check where it goes\n")
  }

  /// How this user gets a namespace with mounts of its own; nil where none may.
  private static let unshare: [String]? = [["unshare", "-m"], ["unshare", "-r", "-m"]].first { command in
    (try? Shell.run("mount -t tmpfs none /proc", under: command))?.status == 0
  }

  @Test(.enabled(if: unshare != nil, "this user may mount nothing"), arguments: ["rnn", "h5", "pt"])
  func worksWithoutProc(_ format: String) throws {
    // Through a path from the folder it is in, through PATH and through a link; as root and without its rights.
    let result = try Shell.run("""
      ln -s "$RNN" linked; mount -t tmpfs none /proc; PATH="$(dirname "$RNN"):$PATH"
      run() { "$@"; echo $?; }
      run "$RNN" convert m.rnn a.\(format) --quiet
      run rnn convert a.\(format) b.\(format) --quiet
      run ./linked convert b.\(format) c.rnn --quiet
      run setpriv --bounding-set=-all --inh-caps=-all "$RNN" convert c.rnn a.\(format) --force --quiet
      run "$RNN" diff m.rnn a.\(format)
      run "$RNN" nonsense
      ls -A
      """, in: scratch.folder, under: try #require(Self.unshare))
    #expect(result.lines.filter { !$0.hasSuffix("identical bit for bit") }
      == ["0", "0", "0", "0", "0", "64", "a.\(format)", "b.\(format)", "c.rnn", "linked", "m.rnn"], "\(result.output)\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
  }

  @Test(.enabled(if: unshare != nil, "this user may mount nothing"))
  func worksWithoutDevices() throws {
    let result = try Shell.run("""
      mount -t tmpfs none /dev
      "$RNN" convert m.rnn a.h5 --quiet; "$RNN" diff m.rnn a.h5; "$RNN" --version
      """, in: scratch.folder, under: try #require(Self.unshare))
    #expect(result.lines.contains { $0.hasSuffix("identical bit for bit") }, "\(result.output)\(result.errors)")
    #expect(result.lines.contains { $0.contains(", HDF5 1.") }, "\(result.output)\(result.errors)")
  }

  /// There an output has a hidden name while it is written, which goes with a command that ends early.
  @Test(.enabled(if: unshare != nil, "this user may mount nothing"))
  func leavesNoHiddenFileWithoutProc() throws {
    let result = try Shell.run("""
      mount -t tmpfs none /proc; printf old > old.rnn; printf '1,2,3,4\\n' > x.csv
      "$RNN" convert m.rnn old.rnn --force --json > /dev/full; echo $?
      "$RNN" convert m.rnn new.rnn --json > /dev/full; echo $?
      "$RNN" run m.rnn --input x.csv --state-out new.npz > /dev/full; echo $?
      cat old.rnn; echo; ls -A
      """, in: scratch.folder, under: try #require(Self.unshare))
    #expect(result.lines == ["74", "74", "74", "old", "m.rnn", "old.rnn", "x.csv"], "\(result.output)\(result.errors)")
  }

  /// Each is the installation's fault, and no file is to blame.
  @Test(arguments: [
    ("cp /bin/true rnn-hdf5", "does not work: it ended with status 0 before its work began"),
    ("cp /bin/false rnn-hdf5", "does not work: it ended with status 1 before its work began"),
    ("printf 'no program' > rnn-hdf5; chmod 755 rnn-hdf5", "cannot be started: Exec format error"),
    ("printf 'no program' > rnn-hdf5", "cannot be started: Permission denied"),
    ("mkdir rnn-hdf5", "cannot be started: Permission denied"), (":", "cannot be started: No such file or directory"),
    ("printf '#!/none\\n' > rnn-hdf5; chmod 755 rnn-hdf5", "cannot be started: No such file or directory"),
    ("head -c 20000 \"$(dirname \"$RNN\")/rnn-hdf5\" > rnn-hdf5; chmod 755 rnn-hdf5", ""),
    // Without the libraries that it needs.
    ("cp \"$(dirname \"$RNN\")/rnn-hdf5\" rnn-hdf5; sed -i 's/libhdf5_serial/libhdf5_missed/g' rnn-hdf5",
      "does not work: it ended with status 127 before its work began"),
  ])
  func saysThatTheInstallationIsBroken(_ broken: String, _ problem: String) throws {
    try FileManager.default.createDirectory(at: scratch.url("bin"), withIntermediateDirectories: false)
    for (arguments, name) in [("inspect \"$1\"", "read"), ("convert ../m.rnn new.h5", "write")] {
      let result = try Shell.run(
        "cp \"$RNN\" rnn; rm -rf rnn-hdf5; \(broken); ./rnn \(arguments); echo $?; ls new.h5 2>/dev/null",
        [Samples.path("lstm")], in: scratch.url("bin"))
      #expect(result.lines == ["70"], "\(name): \(result.output)")
      let line = result.errors.split(separator: "\n").filter { !$0.hasPrefix("cp:") }
      #expect(line.count == 1 && result.errors.contains("the program that reads HDF5 \(problem)"), "\(name): \(result.errors)")
      #expect(!result.errors.contains("damaged"), "\(result.errors)")
    }
  }
}
