import CProcess
import RNNModel
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Runs libhdf5 in a separate process, `rnn-hdf5`, which a malicious file can crash, hang or take over without harm to
/// this process.
///
/// The program is looked for in the environment variable `RNNKIT_HDF5`, beside the running program or the shared library
/// that contains this code, and in `../libexec/rnnkit` and `../../libexec/rnnkit` from there. It gets the open file and
/// nothing else: no other files, no network, no other programs, limited memory and time. Its answer is checked like any
/// file. A crash, a hang and an invalid answer are errors of kind `badData`.
public struct HDF5Process: HDF5Access {
  /// Seconds of CPU time without progress after which the process is killed.
  package let timeout: Int
  /// The program's path; nil to search for it.
  private let path: String?
  private let use = Use()

  private final class Use: Sendable {
    let isStarted = Atomic(false)
  }

  /// - Parameter timeout: Seconds of CPU time without progress after which the process is killed, at least 1.
  public init(timeout: Int = Limits.maximumHDF5Seconds) { self.init(timeout: timeout, program: nil) }

  package init(timeout: Int = Limits.maximumHDF5Seconds, program: String?) {
    (self.timeout, path) = (max(1, timeout), program)
  }

  /// Whether a file has been read or written with this value.
  package var wasUsed: Bool { use.isStarted.load(ordering: .relaxed) }

  /// Reads a file in a confined child process. Throws if it is damaged, exceeds `Limits`, or the child fails.
  public func readTree(_ file: InputFile) throws(RNNError) -> HDF5Tree {
    use.isStarted.store(true, ordering: .relaxed)
    do throws(RNNError) {
      return try readTree(file, through: program())
    } catch {
      throw error.inFile(file.path)
    }
  }

  private func readTree(_ file: InputFile, through program: String) throws(RNNError) -> HDF5Tree {
    let input = try Self.opened(file)
    let answer = try ScratchFile()
    let room = try ScratchFile()
    let (unpacked, overflow) = file.count.multipliedReportingOverflow(by: Limits.maximumInflationRatio)
    // The message holds the unpacked datasets, the text, headers and padding.
    let largest = max(overflow ? Int.max / 4 : min(unpacked, Int.max / 4), Limits.maximumUnstoredSize)
      + Limits.maximumHDF5Tree + 2 * Limits.maximumHeaderSize
    let process = HDF5Child(
      program: program, job: .read, input: input.number, answer: answer, output: room.descriptor,
      largestFile: largest, timeout: timeout, inputSize: file.count)
    defer { withExtendedLifetime((input, room)) {} }
    switch try process.run(about: file) {
    case .tree(let tree): return tree
    case .error(let error): throw error
    case .placements: throw HDF5Child.lie("it placed what was to be read")
    }
  }

  /// Writes a tree in a confined child process.
  public func write(_ tree: HDF5Tree, to file: inout OutputFile) throws(RNNError) {
    use.isStarted.store(true, ordering: .relaxed)
    do throws(RNNError) {
      try write(tree, to: &file, through: program())
    } catch {
      throw error.inFile(file.path)
    }
  }

  private func write(_ tree: HDF5Tree, to file: inout OutputFile, through program: String) throws(RNNError) {
    // The process lays out the file from names, types and shapes; it never sees the datasets' bytes.
    let request = try ScratchFile()
    var message = OutputFile(borrowing: request.descriptor, name: file.path)
    try HDF5Message.tree(tree).write(.outline, to: &message)
    let datasets = tree.root.datasets.filter { $0.byteCount > 0 }
    var largest = 1 << 32
    for dataset in datasets {
      let (sum, overflow) = largest.addingReportingOverflow(dataset.byteCount + 4096)
      guard !overflow else {
        throw RNNError(.badData, "the datasets are larger than any file", remedy: "carry fewer tensors")
      }
      largest = sum
    }
    let answer = try ScratchFile()
    let process = HDF5Child(
      program: program, job: .write, input: request.descriptor, answer: answer, output: file.descriptor,
      largestFile: largest, timeout: timeout, inputSize: request.count)
    defer { withExtendedLifetime(request) {} }
    switch try process.run(about: nil) {
    case .placements(let offsets):
      try Self.check(offsets, of: datasets, below: largest)
      for (tensor, offset) in zip(datasets, offsets) { try file.write(tensor, at: offset) }
    case .error(let error): throw error
    case .tree: throw HDF5Child.lie("it read what was to be written")
    }
  }

  /// Checks that datasets at these offsets do not overlap and lie below `end`.
  private static func check(_ offsets: [Int], of datasets: [Tensor], below end: Int) throws(RNNError) {
    guard offsets.count == datasets.count else {
      throw HDF5Child.lie("\(offsets.count) places for \(datasets.count) datasets")
    }
    let order = offsets.indices.sorted { offsets[$0] < offsets[$1] }
    var free = 0
    for index in order {
      let (next, overflow) = offsets[index].addingReportingOverflow(datasets[index].byteCount)
      guard offsets[index] >= free, !overflow, next <= end else { throw HDF5Child.lie("datasets overlap") }
      free = next
    }
  }

  /// The file as a descriptor. Bytes in memory and parts of other files are first copied to a scratch file.
  private static func opened(_ file: InputFile) throws(RNNError) -> OpenDescriptor {
    if let mapped = file.mapped { return mapped }
    let scratch = try ScratchFile()
    var copy = OutputFile(borrowing: scratch.descriptor, name: file.path)
    try file.storage.forEachPiece(of: 0..<file.count) { (piece) throws(RNNError) in try copy.write(piece) }
    let descriptor = fcntl(scratch.descriptor, F_DUPFD_CLOEXEC, 0)
    guard descriptor >= 0 else {
      throw RNNError(.inputOutput, "no descriptor is free: \(systemMessage(errno))", remedy: "close some files")
    }
    return OpenDescriptor(descriptor)
  }

  /// The path of `rnn-hdf5`.
  func program() throws(RNNError) -> String {
    if let path { return path }
    if let path = getenv("RNNKIT_HDF5") { return String(systemPath: path) }
    guard let path = rnn_library_path() ?? rnn_program_path() else {
      throw RNNError(.defect, "where this program is cannot be found out: \(systemMessage(errno))",
        remedy: "name the program that reads HDF5, rnn-hdf5, in the environment's RNNKIT_HDF5")
    }
    defer { free(path) }
    let folder = String(systemPath: path).folderPrefix
    // Beside it, or where `make install` puts it for a program in bin, a library in lib or in lib/<architecture>.
    let places = ["", "../libexec/rnnkit/", "../../libexec/rnnkit/"].map { folder + $0 + "rnn-hdf5" }
    return places.first { access($0.systemPath, X_OK) == 0 } ?? places[0]
  }
}

extension HDF5Tree.Group {
  /// The tensors of all datasets, in the tree's order.
  var datasets: [Tensor] {
    children.flatMap { child -> [Tensor] in
      switch child.node {
      case .group(let group): group.datasets
      case .dataset(let dataset): [dataset.tensor]
      case .strings: []
      }
    }
  }
}

extension OutputFile {
  /// Writes a tensor's bytes at an offset.
  package mutating func write(_ tensor: Tensor, at offset: Int) throws(RNNError) {
    var end = offset
    try tensor.forEachPiece { (piece) throws(RNNError) in
      try write(piece, at: end)
      end += piece.count
    }
  }
}
