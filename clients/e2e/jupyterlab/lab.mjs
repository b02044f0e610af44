// A real JupyterLab with the installed extension, in folders of its own: default settings, nothing left behind.
import { spawn, spawnSync } from "node:child_process";
import { createWriteStream, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
export const TOKEN = "a-token-of-the-end-to-end-test";

/** The interpreter that has JupyterLab and both packages. */
export const PYTHON = process.env.PYTHON ?? join(REPOSITORY, ".venv", "bin", "python");

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Whether exbert_rpc is installed, as `make` does it; else it is taken from this repository. */
function isInstalled() {
  return spawnSync(PYTHON, ["-P", "-c", "import exbert_rpc"]).status === 0;
}

/** Writes a person's settings of a plugin, as JupyterLab keeps them. */
export function writeSetting(folder, extension, plugin, settings) {
  const path = join(folder, "settings", extension, `${plugin}.jupyterlab-settings`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(settings));
}

/** Starts JupyterLab, or Jupyter Notebook, on loopback; `options` are its command line's, `stop` ends it and what it started. */
export async function startLab(folder, options = [], app = "jupyterlab") {
  const port = await freePort();
  const root = join(folder, "root");
  for (const name of ["root", "config", "data", "runtime", "settings", "workspaces"]) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  writeSetting(folder, "@jupyterlab/apputils-extension", "notification", {
    fetchNews: "false",
    checkForUpdates: false,
  });
  const environment = {
    ...process.env,
    ...(isInstalled() ? {} : { PYTHONPATH: REPOSITORY }),
    JUPYTER_CONFIG_DIR: join(folder, "config"),
    JUPYTER_DATA_DIR: join(folder, "data"),
    JUPYTER_RUNTIME_DIR: join(folder, "runtime"),
    JUPYTERLAB_SETTINGS_DIR: join(folder, "settings"),
    JUPYTERLAB_WORKSPACES_DIR: join(folder, "workspaces"),
  };
  const log = createWriteStream(join(folder, "jupyter.log"));
  const child = spawn(
    PYTHON,
    [
      ...["-m", app, "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", `--ServerApp.port=${port}`],
      ...["--ServerApp.port_retries=0", `--IdentityProvider.token=${TOKEN}`, `--ServerApp.root_dir=${root}`],
      ...(app === "jupyterlab" ? ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"] : []),
      ...options,
    ],
    { env: environment, stdio: ["ignore", "pipe", "pipe"] },
  );
  running.add(child);
  child.once("exit", () => running.delete(child));
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const origin = `http://127.0.0.1:${port}`;
  const lab = { origin, root, pid: child.pid, stop: () => stop(child) };
  const ask = async (path) => {
    const answer = await fetch(`${origin}/${path}`, { headers: { Authorization: `token ${TOKEN}` } });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.text();
  };
  lab.status = async () => JSON.parse(await ask("exbert/status"));
  /** What the server behind the bridge wrote to its error stream. */
  lab.log = () => ask("exbert/log");
  try {
    await untilUp(child, () => ask("api"));
  } catch (error) {
    await lab.stop();
    throw error;
  }
  return lab;
}

async function untilUp(child, probe) {
  const deadline = Date.now() + 180_000;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`JupyterLab ended with code ${child.exitCode}`);
    try {
      return await probe();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  }
  throw new Error("JupyterLab did not start within three minutes");
}

// a run that is interrupted leaves nothing behind either
const running = new Set();
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.once(signal, () => {
    for (const child of running) child.kill("SIGTERM");
    process.exit(1);
  });
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const patience = setTimeout(() => child.kill("SIGKILL"), 15_000);
  await ended;
  clearTimeout(patience);
}
