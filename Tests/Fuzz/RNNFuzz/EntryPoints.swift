import FileChecks
import Glibc

// Looks for bytes that break a check. libFuzzer brings `main`, and calls these.
//
//     rnn-fuzz TARGET [libFuzzer's options] CORPUS…
//     rnn-fuzz seeds FOLDER ROOT                       makes a corpus for each target of the files below ROOT
//     rnn-fuzz targets                                 names them

/// The check that this process runs.
private let check = FileCheck.all.first { $0.name == CommandLine.arguments.dropFirst().first }

/// Takes the first argument, which is no option of libFuzzer's, out of them.
@_cdecl("LLVMFuzzerInitialize") public func initialize(
  _ count: UnsafeMutablePointer<CInt>,
  _ values: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> CInt {
  let arguments = CommandLine.arguments.dropFirst()
  if arguments.first == "targets" {
    for check in FileCheck.all { print(check.name) }
    exit(0)
  }
  if arguments.first == "seeds", arguments.count == 3 {
    var seeds = Seeds(into: arguments[2])
    do { try seeds.collect(below: arguments[3]) } catch { fail(1, "\(error)") }
    exit(0)
  }
  guard check != nil else {
    fail(64, "expected \(FileCheck.all.map(\.name).joined(separator: ", ")), seeds or targets")
  }
  values.pointee[1] = values.pointee[0]
  values.pointee += 1
  count.pointee -= 1
  return 0
}

/// Runs the check. Aborts, which is how libFuzzer is told of a finding, where it does not hold.
@_cdecl("LLVMFuzzerTestOneInput") public func test(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  do {
    _ = try check?.accepts(Array(UnsafeBufferPointer(start: bytes, count: count)))
  } catch {
    say("\(error)")
    abort()
  }
  return 0
}

private func fail(_ status: CInt, _ message: String) -> Never {
  say(message)
  exit(status)
}

private func say(_ message: String) {
  let line = Array("rnn-fuzz: \(message)\n".utf8)
  write(2, line, line.count)
}
