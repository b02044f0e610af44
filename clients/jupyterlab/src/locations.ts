/** File URIs of the server ↔ paths of Jupyter's file browser. Both count from Jupyter's root folder. */

/** The path below the root, or null for what lies elsewhere or is no file. */
export function pathBelowRoot(uri: string, rootUri: string): string | null {
  const root = decoded(rootUri);
  const file = decoded(uri);
  if (root === null || file === null) {
    return null;
  }
  const prefix = root.endsWith("/") ? root : `${root}/`;
  const path = file.startsWith(prefix) ? file.slice(prefix.length) : null;
  return path === null || path === "" || path.split("/").includes("..") ? null : path;
}

/** The uri of a path below the root. */
export function uriOf(path: string, rootUri: string): string {
  return `${rootUri.replace(/\/$/, "")}/${path.split("/").map(encodeURIComponent).join("/")}`;
}

/** What `indexCorpus` takes as a source: the folder's path on the machine that runs Jupyter. */
export function sourceOf(path: string, root: string): string {
  const separator = root.includes("\\") ? "\\" : "/";
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return [root.replace(/[\\/]+$/, ""), ...parts].join(separator);
}

/** A corpus name out of a folder's: letters, digits, dot, dash and underscore. */
export function corpusNameFor(path: string, root: string): string {
  const last = [...root.split(/[\\/]/), ...path.split("/")].filter((part) => part !== "" && part !== ".").pop() ?? "";
  const name = last
    .normalize("NFKD")
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[-.]+|[-.]+$/g, "");
  return name === "" ? "corpus" : name.slice(0, 64);
}

function decoded(uri: string): string | null {
  try {
    const url = new URL(uri);
    return url.protocol === "file:" ? decodeURIComponent(url.pathname) : null;
  } catch {
    return null;
  }
}
