// A real VS Code server with the VSIX installed, on loopback, in folders of its own that vanish with it.
import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
export const here = dirname(fileURLToPath(import.meta.url));
export const root = join(here, "../../..");

/** Where VS Code's server is, or would be. */
export async function installedVsCode() {
  const { stdout } = await run(join(here, "../install-vscode.sh"), ["--where"]);
  return join(stdout.trim(), "out/server-main.js");
}

/** Starts VS Code. `settings(home)` gives the machine's, `paths(home)` what its PATH has first; a folder is opened with `url(folder)`. */
export async function startVsCode({ vsix, settings, paths }) {
  const program = await installedVsCode();
  const home = mkdtempSync(join(tmpdir(), "exbert-e2e-"));
  const data = join(home, "data");
  const flags = [
    "--accept-server-license-terms",
    "--user-data-dir",
    data,
    "--extensions-dir",
    join(home, "extensions"),
    "--telemetry-level",
    "off",
  ];
  mkdirSync(join(data, "Machine"), { recursive: true });
  writeFileSync(join(data, "Machine", "settings.json"), JSON.stringify(settings(home), null, 2));
  await run(process.execPath, [program, ...flags, "--install-extension", vsix], { cwd: home });
  const log = [];
  // a group of its own: the extension hosts end with it
  const server = spawn(
    process.execPath,
    [program, ...flags, "--host", "127.0.0.1", "--port", "0", "--without-connection-token"],
    {
      cwd: home,
      // started “by its command line”, it asks no login shell for another PATH
      env: { ...process.env, VSCODE_CLI: "1", PATH: [...paths(home), process.env.PATH].join(":") },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  // a test run that is ended from outside leaves nothing behind
  const end = () => killQuietly(-server.pid);
  process.once("exit", end);
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.once(signal, () => process.exit(1));
  const port = await new Promise((resolve, reject) => {
    const listen = (chunk) => {
      log.push(chunk.toString());
      const found = /listening on (?:port )?(\d+)/.exec(log.join(""));
      if (found) resolve(Number(found[1]));
    };
    server.stdout.on("data", listen);
    server.stderr.on("data", listen);
    server.on("exit", (code) => reject(new Error(`VS Code ended with ${code}:\n${log.join("")}`)));
  });
  return {
    home,
    log,
    /** Where the extension keeps the environments that it makes. */
    environments: join(data, "User/globalStorage/exbert-rpc.exbert/environments"),
    url: (folder) => `http://127.0.0.1:${port}/?folder=${encodeURIComponent(folder)}`,
    /** Process ids of our Python servers: below this VS Code only, without the workers that they start. */
    pythonServers: () => {
      const ours = new Map(
        descendants(server.pid)
          .filter(({ pid }) => commandLine(pid).includes("exbert_rpc serve"))
          .map(({ pid, parent }) => [pid, parent]),
      );
      return [...ours].filter(([, parent]) => !ours.has(parent)).map(([pid]) => pid);
    },
    async stop() {
      const family = [server.pid, ...descendants(server.pid).map(({ pid }) => pid)];
      const gone = new Promise((resolve) => (server.exitCode === null ? server.on("exit", resolve) : resolve()));
      server.kill("SIGTERM");
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 5000).unref())]);
      for (const pid of family) killQuietly(pid);
      process.removeListener("exit", end);
      rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

function killQuietly(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has ended already
  }
}

export function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** All processes below one, each with its parent, from /proc. */
function descendants(ancestor) {
  const children = new Map();
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
    } catch {
      // it ended while we looked
    }
  }
  const below = (pid) => (children.get(pid) ?? []).flatMap((child) => [{ pid: child, parent: pid }, ...below(child)]);
  return below(ancestor);
}
