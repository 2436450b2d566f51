import Foundation
import Testing

/// Who may use a file that was replaced: the same users or fewer, never more.
@Suite(.enabled(if: Shell.isRoot, "owners, groups and modes are tried as several users, which takes root"))
struct AccessTests {
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
    _ = try Samples.native("rnn_1_layer", scratch, as: "in.rnn")
    chmod(scratch.folder.path, 0o777)
    chmod(scratch.path("in.rnn"), 0o644)
  }

  /// Makes an old file and lets a user of some groups replace it. Returns the new one's owner, group and mode.
  private func replaced(
    owner: Int, group: Int, mode: String, by user: Int, of groups: [Int], list: String = "", output: String = "old.rnn"
  ) throws -> String {
    let result = try Shell.run("""
      rm -f old.*; cp in.rnn \(output) && chown \(owner):\(group) \(output) && chmod \(mode) \(output) && \(list.isEmpty ? ":" : list) &&
      setpriv --reuid \(user) --regid \(groups[0]) --groups \(groups.map(String.init).joined(separator: ",")) \
        "$RNN" convert in.rnn \(output) --force --quiet && stat -c '%u:%g %a' \(output) && ls -A
      """, in: scratch.folder)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.lines.dropFirst() == ["in.rnn", output])
    return result.lines.first ?? ""
  }

  @Test(arguments: [
    // Root keeps all, the owner what is theirs to give.
    (owner: 1000, group: 5000, mode: "640", by: 0, of: [0], is: "1000:5000 640"),
    (owner: 1000, group: 5000, mode: "604", by: 0, of: [0], is: "1000:5000 604"),
    (owner: 1000, group: 5000, mode: "640", by: 1000, of: [100, 5000], is: "1000:5000 640"),
    (owner: 1000, group: 5000, mode: "664", by: 1000, of: [100, 5000], is: "1000:5000 664"),
    (owner: 1000, group: 100, mode: "400", by: 1000, of: [100], is: "1000:100 400"),
    // A group that is not this user's: its members become others, and others members of this user's group.
    (owner: 1000, group: 5000, mode: "640", by: 1000, of: [100], is: "1000:100 600"),
    (owner: 1000, group: 5000, mode: "604", by: 1000, of: [100], is: "1000:100 600"),
    (owner: 1000, group: 5000, mode: "664", by: 1000, of: [100], is: "1000:100 644"),
    // An owner that cannot be kept, with a group that can, and with one that cannot.
    (owner: 3000, group: 5000, mode: "640", by: 1000, of: [100, 5000], is: "1000:5000 640"),
    (owner: 3000, group: 5000, mode: "040", by: 1000, of: [100, 5000], is: "1000:5000 0"),
    (owner: 3000, group: 5000, mode: "640", by: 1000, of: [100], is: "1000:100 600"),
    (owner: 3000, group: 5000, mode: "644", by: 1000, of: [100], is: "1000:100 644"),
    // Rights to run as somebody else do not pass to another owner.
    (owner: 1000, group: 5000, mode: "6750", by: 1000, of: [100, 5000], is: "1000:5000 6750"),
    (owner: 3000, group: 5000, mode: "6755", by: 1000, of: [100, 5000], is: "1000:5000 755"),
  ])
  func keepsOwnerGroupAndModeOrNarrows(
    owner: Int, group: Int, mode: String, by: Int, of: [Int], is expected: String
  ) throws {
    #expect(try replaced(owner: owner, group: group, mode: mode, by: by, of: of) == expected)
  }

  /// Sets an access control list: user 4000 may read, as far as the mask goes.
  private static func setList(_ file: String, _ kind: String = "access", mask: Int = 4) -> String {
    """
    python3 -c 'import os, struct
    entries = [(1, 6, -1), (2, 4, 4000), (4, 0, -1), (16, \(mask), -1), (32, 0, -1)]
    os.setxattr("\(file)", "system.posix_acl_\(kind)", struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *e) for e in entries))'
    """
  }

  private static let listsWork: Bool = {
    guard let scratch = try? Scratch() else { return false }
    return (try? Shell.run("touch a && " + setList("a"), in: scratch.folder))?.status == 0
  }()

  private func canRead(_ user: Int, _ file: String = "old.rnn") throws -> Bool {
    try Shell.run(
      "setpriv --reuid \(user) --regid \(user) --clear-groups cat \(file) > /dev/null 2>&1", in: scratch.folder).status == 0
  }

  @Test(.enabled(if: listsWork, "this file system has no access control lists"))
  func keepsAnAccessControlList() throws {
    let list = Self.setList("old.rnn")
    #expect(try replaced(owner: 1000, group: 5000, mode: "640", by: 1000, of: [100, 5000], list: list) == "1000:5000 640")
    #expect(try canRead(4000) && !canRead(2000))
    // With an empty mask, the list's user may not read.
    let empty = Self.setList("old.rnn", mask: 0)
    #expect(try replaced(owner: 1000, group: 5000, mode: "600", by: 0, of: [0], list: empty) == "1000:5000 600")
    #expect(try !canRead(4000))
  }

  /// Owner or group changes, and with them what the list's entries mean.
  @Test(.enabled(if: listsWork, "this file system has no access control lists"))
  func leavesTheOwnerAloneWhereAListCannotBeKept() throws {
    let list = Self.setList("old.rnn")
    #expect(try replaced(owner: 1000, group: 5000, mode: "640", by: 1000, of: [100], list: list) == "1000:100 600")
    #expect(try !canRead(4000) && !canRead(2000))
  }

  /// A new file has a list from its folder, which the old one need not have had.
  @Test(.enabled(if: listsWork, "this file system has no access control lists"))
  func takesNoListFromTheFolder() throws {
    let list = Self.setList(".", "default")
    for (user, groups) in [(0, [0]), (1000, [100, 5000]), (1000, [100])] {
      // The old file is made before the folder has its list.
      _ = try replaced(owner: 1000, group: 5000, mode: "640", by: user, of: groups, list: list)
      #expect(try !canRead(4000), "replaced by \(user) of \(groups)")
      _ = try Shell.run("python3 -c 'import os; os.removexattr(\".\", \"system.posix_acl_default\")'", in: scratch.folder)
    }
    // A file that is new gets it, as any other program's does.
    #expect(try Shell.run(list + "; \"$RNN\" convert in.rnn new.rnn --quiet", in: scratch.folder).status == 0)
    #expect(try canRead(4000, "new.rnn"))
  }

  /// Every call by which a file gets its access fails in turn: the new file is as open as the old one, or less, or it is not
  /// made.
  @Test(.enabled(if: FailCall.isAvailable && listsWork, "this system lets no process be traced, or has no lists"))
  func isNeverMoreOpenWhateverFails() throws {
    let (logs, old) = (try Scratch(), Data("old".utf8))
    let output = scratch.path("old.rnn")
    let whole = try Data(contentsOf: scratch.url("in.rnn"))
    // Made once, and copied with all that belongs to it.
    try old.write(to: logs.url("template"))
    let made = try Shell.run("chown 1000:5000 template; chmod 640 template; \(Self.setList("template"))", in: logs.folder)
    try #require(made.status == 0)
    var tried: Set<String> = []
    try FailCall.forEachFailure(
      of: .rnn, ["convert", scratch.path("in.rnn"), output, "--force", "--quiet"], logs: logs
    ) {
      unlink(output)
      try #require(Shell.run("cp -a template \"$1\"", [output], in: logs.folder).status == 0)
    } after: { result in
      tried.insert(result.failure)
      let found = try Data(contentsOf: URL(fileURLWithPath: output))
      #expect(found == (result.status == 0 ? whole : old), result.comment)
      var status = stat()
      try #require(stat(output, &status) == 0)
      let access = "\(status.st_uid):\(status.st_gid) \(String(status.st_mode & 0o7777, radix: 8))"
      #expect(["1000:5000 640", "0:5000 600", "1000:0 600", "0:0 600"].contains(access), "\(access), \(result.comment)")
      #expect(scratch.contents == ["in.rnn", "old.rnn"], result.comment)
    }
    let wanted: Set = ["fchown EIO", "fchown EPERM", "getxattr EIO", "fgetxattr EIO", "fsetxattr EIO", "fsetxattr ENOSPC"]
    #expect(tried.isSuperset(of: wanted), "not tried: \(wanted.subtracting(tried))")
  }
}
