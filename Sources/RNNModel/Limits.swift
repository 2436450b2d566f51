/// What a file may ask for before it is refused. Every bound on untrusted input is here.
public enum Limits {
  /// Axes of a tensor.
  public static let maximumRank = 32
  /// Tensors in one archive, those of its reference cases included.
  public static let maximumTensorCount = 1 << 20
  /// Bytes of a tensor's, module's or member's name.
  public static let maximumNameLength = 4096
  /// Bytes of a JSON header or of one text value.
  public static let maximumHeaderSize = 64 << 20
  /// Values of one JSON text, each of which takes some fifty bytes of memory for two in the file.
  public static let maximumJSONValueCount = 1 << 23
  /// Bytes of a safetensors header: the reference implementation's own limit.
  public static let maximumSafetensorsHeaderSize = 100_000_000
  /// Bytes of reference cases that are written into a safetensors header, as text.
  public static let maximumEncodedCases = 16 << 20
  /// Levels of nesting in JSON, HDF5 groups and pickles.
  public static let maximumDepth = 64
  /// Layers of one recurrent module.
  public static let maximumLayerCount = 4096
  /// Inputs, units or entries of one module.
  public static let maximumModuleSize = 1 << 28
  /// Inputs, units or outputs of a .nam file, whose sizes are multiplied to count its weights.
  public static let maximumNAMSize = 1 << 20
  /// Steps that a convolution's or pool's window spans, and its stride and padding.
  public static let maximumWindow = 1 << 20
  /// Steps of a forward.
  public static let maximumStepCount = 1 << 16
  /// Bytes of a forward's text.
  public static let maximumLineLength = 1 << 20
  /// Forwards that are tried on a file's reference cases where it does not say what it computes, and multiplications of one
  /// such run.
  public static let maximumTriedForwards = 512
  /// Multiplications of one such run.
  public static let maximumTrialWork = 1 << 32
  /// Bytes read from a pipe, which cannot be mapped.
  public static let maximumPipedInput = 1 << 30
  /// Bytes that a compressed member may grow to for each byte stored.
  public static let maximumInflationRatio = 1100
  /// Bytes that the members of an archive of files, and of those in it, may take unpacked.
  public static let maximumUnpackedSize = 1 << 36
  /// Archives of files within each other: a tar in a gzip in a zip.
  public static let maximumArchiveDepth = 4
  /// Files of an archive that are read to find the one with a model.
  public static let maximumArchivedModels = 64
  /// Bytes that an ONNX graph may make of its constants by moving them about: so many times what the file holds of them,
  /// and so many more.
  public static let movedConstantsFactor = 8
  /// Bytes that it may make of them beyond that.
  public static let movedConstantsBase = 64 << 20
  /// Bytes of an HDF5 chunk, which libhdf5 unpacks in memory, whole.
  public static let maximumChunkSize = 256 << 20
  /// Bytes of an HDF5 dataset or file that stand nowhere in it, being all fill value.
  public static let maximumUnstoredSize = 16 << 20
  /// Bytes of private memory that the process may take in which libhdf5 runs.
  public static let maximumHDF5Memory = 768 << 20
  /// Bytes of JSON by which that process tells what a file holds.
  public static let maximumHDF5Tree = 128 << 20
  /// Descriptors that it may have open at once.
  public static let maximumHDF5Descriptors = 32
  /// Seconds of CPU time that it may take without getting further, unless the user says otherwise. With what comes before
  /// and after, the command has ended within ten.
  public static let maximumHDF5Seconds = 8
  /// How many times as long it may wait instead of work.
  public static let maximumHDF5Waiting = 6
  /// Bytes of the pickle of a zip archive, which may be packed.
  public static let maximumPickleSize = 256 << 20
  /// Opcodes of one pickle.
  public static let maximumPickleSteps = 1 << 26
  /// Bytes of memory that all objects of one pickle may take: containers, their elements, texts, memo and stack.
  public static let maximumPickleMemory = 512 << 20
  /// Bytes of the code in a TorchScript archive that its modules' classes stand in.
  public static let maximumCodeSize = 4 << 20
  /// Statements and expressions of TorchScript that are followed, calls, blocks and brackets inside each other, and steps
  /// that they make.
  public static let maximumCodeWork = 1 << 18
  /// Calls, blocks and brackets of TorchScript inside each other.
  public static let maximumCodeDepth = 128
  /// Steps that TorchScript's code may make.
  public static let maximumCodeSteps = 1 << 12
  /// Numbers of a constant of TorchScript that a forward may have.
  public static let maximumCodeNumbers = 64
  /// Bytes that a tensor with repeated elements may have beyond its storage's.
  public static let maximumRepeatedSize = 16 << 20
  /// How many times their storages' bytes a file's tensors together may have, which may share them.
  public static let maximumSharing = 64
}
