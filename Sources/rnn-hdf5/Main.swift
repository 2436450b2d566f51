import CProcess
import RNNFormats
import RNNHDF5
import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// `rnn-hdf5` runs libhdf5 in a separate process. `HDF5Process` starts it with the descriptors of `HDF5Descriptors`. It
/// gives up all rights except to use these before it parses a file, does one job, and answers with a message.
@main
enum Main {
  static func main() {
    let arguments = ProgramArguments.all
    if arguments.dropFirst() == ["--version"] {
      print("HDF5 \(HDF5File.libraryVersion)")
      return
    }
    guard arguments.count == 2, let job = HDF5Descriptors.Job(rawValue: arguments[1]),
      lseek(HDF5Descriptors.answer, 0, SEEK_CUR) >= 0
    else {
      print("rnn-hdf5 is started by rnn, to read and write HDF5 files")
      exit(HDF5Descriptors.misuseStatus)
    }
    var answer: HDF5Message
    do throws(RNNError) {
      answer = try perform(job)
    } catch {
      answer = .error(error)
    }
    do throws(RNNError) {
      try send(answer)
    } catch {
      // The tree may be too large for a message or for the disk; an error message is small enough.
      do throws(RNNError) {
        try send(.error(error))
      } catch {
        exit(HDF5Descriptors.noRoomStatus)
      }
    }
    // Skip libhdf5's cleanup at exit, which is not needed.
    _exit(0)
  }

  private static func perform(_ job: HDF5Descriptors.Job) throws(RNNError) -> HDF5Message {
    try HDF5File.prepare()
    let input = try InputFile(OpenDescriptor(HDF5Descriptors.input), name: "input")
    guard rnn_process_confine() >= 0 else {
      throw RNNError(.defect, "the HDF5 library's process cannot be confined: \(systemMessage(errno))",
        remedy: "report it, with the kernel's version")
    }
    // Failures before this sign are not the file's fault.
    giveSign(HDF5Descriptors.readySign)
    switch job {
    case .read:
      return .tree(try HDF5File.readTree(input, unpackingInto: HDF5Descriptors.output, progress: giveSign))
    case .write:
      guard case .tree(let tree) = try HDF5Message(input, about: nil) else {
        throw RNNError(.defect, "asked to write something other than a tree")
      }
      var output = OutputFile(borrowing: HDF5Descriptors.output, name: "output")
      return .placements(try HDF5File.layOut(tree, in: &output, progress: giveSign))
    }
  }

  private static func giveSign() { giveSign(HDF5Descriptors.progressSign) }

  private static func giveSign(_ sign: UInt8) {
    var sign = sign
    _ = write(HDF5Descriptors.progress, &sign, 1)
  }

  private static func send(_ message: HDF5Message) throws(RNNError) {
    guard ftruncate(HDF5Descriptors.answer, 0) == 0 else {
      throw RNNError(.inputOutput, "the answer cannot be written: \(systemMessage(errno))",
        remedy: systemRemedy(errno) ?? "check the disk")
    }
    var answer = OutputFile(borrowing: HDF5Descriptors.answer, name: "answer")
    try message.write(to: &answer)
  }
}
