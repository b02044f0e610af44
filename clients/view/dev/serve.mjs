// Serves the dev page on loopback: node dev/serve.mjs [port]. Used by `npm run dev` and by the browser tests.
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { bundlePage } from "./bundle.mjs";

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css" };
const dist = join(dirname(fileURLToPath(import.meta.url)), "../dist/dev");

/** Resolves to { url, close }. */
export async function servePage(port = 0) {
  await bundlePage(dist);
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const path = normalize(pathname === "/" ? "/index.html" : pathname);
    const stream = createReadStream(join(dist, path));
    stream.on("error", () => response.writeHead(404).end());
    stream.on("open", () =>
      response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" }),
    );
    stream.pipe(response);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(undefined)));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { url } = await servePage(Number(process.argv[2] ?? 8765));
  process.stdout.write(`${url}?scenario=escape&theme=light\n`);
}
