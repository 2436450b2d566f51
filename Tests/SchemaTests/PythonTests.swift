import Testing

/// The scripts' own tests.
@Suite struct PythonTests {
  private func expectSuccess(_ script: String) throws {
    let result = try Python.run(["Schemas/tests/\(script).py"])
    #expect(result.status == 0, "\(result.errors)")
  }

  @Test(.enabled(if: Python.isReady, Python.whyNot))
  func theSpecificationItsExampleAndItsReaderAgree() throws {
    try expectSuccess("test_native")
  }

  @Test(.enabled(if: Python.isReady, Python.whyNot))
  func theSchemasAreStrict() throws {
    try expectSuccess("test_schemas")
  }

  @Test(.enabled(if: Python.hasTorch, Python.whyNoTorch))
  func theLinesThatExportAndLoadAPyTorchModelRun() throws {
    try expectSuccess("test_hdf5")
  }
}
