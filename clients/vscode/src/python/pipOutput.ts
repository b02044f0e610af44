/** What pip prints, as a few words for a progress message; and why it failed, as far as its words tell. */

/** A line of pip in a few words; undefined where it says nothing that a person waits for. */
export function stepOf(line: string): string | undefined {
  const download = /^\s*Downloading (?:\S*\/)?([^\s/]+?)(?:\.metadata)?(?: \((.*)\))?$/.exec(line);
  if (download !== null) {
    const size = download[2];
    return size === undefined || /\d bytes|kB/.test(size)
      ? undefined
      : `downloading ${projectOf(download[1] ?? "")}, ${size}`;
  }
  const collecting = /^Collecting ([A-Za-z0-9._-]+)/.exec(line);
  if (collecting !== null) return `looking for ${collecting[1]}`;
  if (line.startsWith("Installing collected packages")) return "unpacking what was downloaded";
  return undefined;
}

const projectOf = (file: string): string => (/^(.+?)-\d/.exec(file)?.[1] ?? file).replaceAll("_", "-");

export type Cause =
  | "diskFull"
  | "noEnvironments"
  | "managed"
  | "noPip"
  | "certificate"
  | "network"
  | "notFound"
  | "other";

export interface Diagnosis {
  readonly cause: Cause;
  /** A sentence; the program's own last complaint where nothing is known of it. */
  readonly reason: string;
  readonly hint: string;
}

const LOG = "The log has what was printed.";
const CAUSES: readonly (readonly [Cause, RegExp, string, string])[] = [
  [
    "diskFull",
    /No space left on device|Errno 28|not enough space on the disk|Disk quota exceeded/i,
    "The disk is full",
    "Free some space, then try again.",
  ],
  [
    "noEnvironments",
    /ensurepip is not available|No module named '?(venv|ensurepip)|-m', 'ensurepip'/,
    "This Python cannot make environments",
    "On Debian and Ubuntu, run “sudo apt install python3-venv”. Then try again.",
  ],
  [
    "managed",
    /externally-managed-environment/,
    "This Python belongs to the operating system",
    "Let exBERT make an environment of its own.",
  ],
  [
    "noPip",
    /No module named '?pip\b/,
    "This environment has no pip",
    "Install the package with the tool that made it, as in “uv pip install exbert-rpc”, or let exBERT make an environment of its own.",
  ],
  [
    "certificate",
    /CERTIFICATE_VERIFY_FAILED|SSLError|certificate verify failed/,
    "The package index's certificate was not accepted",
    `Set “cert” in exbert.install.pipOptions to your network's certificates. ${LOG}`,
  ],
  [
    "network",
    /name resolution|getaddrinfo failed|NewConnectionError|Max retries exceeded|ConnectTimeout|ReadTimeout|ProxyError|Connection (refused|reset|aborted)|Network is unreachable|nodename nor servname/i,
    "The package index was not reached",
    "Check the network, or name your own index or proxy in exbert.install.pipOptions. Then try again.",
  ],
  [
    "notFound",
    /No matching distribution found|Could not find a version that satisfies/,
    "The package index does not have what is needed",
    "See exbert.package, exbert.install.torchIndex and exbert.install.pipOptions.",
  ],
];

export function diagnose(lines: readonly string[]): Diagnosis {
  for (const [cause, pattern, reason, hint] of CAUSES) {
    const at = lines.find((line) => pattern.test(line));
    if (at === undefined) continue;
    const wanted = cause === "notFound" ? /(?:found for|satisfies the requirement) ([^\s(]+)/.exec(at)?.[1] : undefined;
    return { cause, reason: wanted === undefined ? `${reason}.` : `${reason}: ${wanted}.`, hint };
  }
  const said =
    lines.filter((line) => /^\s*(ERROR|error)\b|Error: /.test(line)).at(-1) ??
    lines.filter((line) => line.trim() !== "").at(-1);
  return {
    cause: "other",
    reason: said === undefined ? "It ended without a word." : `It says “${said.trim()}”.`,
    hint: LOG,
  };
}
