// Writes types.ts from schema.json (`npm run generate`), or says whether it is up to date (`--check`).
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { compile } from "json-schema-to-typescript";

const here = (name) => new URL(name, import.meta.url);
const source = readFileSync(here("schema.json"), "utf8");
const schema = JSON.parse(source);
const digest = createHash("sha256").update(source).digest("hex");

const banner = `// Generated from schema.json by generate.mjs; do not edit.
// schema.json sha256: ${digest}
`;
// beside a reference the compiler takes a description for another type: it would name Tensor a second time
const plain = (node) => {
  if (Array.isArray(node)) return node.map(plain);
  if (node === null || typeof node !== "object") return node;
  if ("$ref" in node) return { $ref: node.$ref };
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, plain(value)]));
};
const types = await compile(
  { title: "ExbertRpc", type: "object", additionalProperties: false, $defs: plain(schema.$defs) },
  "ExbertRpc",
  {
    bannerComment: banner,
    unreachableDefinitions: true,
    additionalProperties: false,
    format: true,
    style: { printWidth: 120 },
  },
);

const methods = Object.entries(schema.methods)
  .map(([name, { params, result }]) => `  ${name}: { params: ${params}; result: ${result} };`)
  .join("\n");
const errors = Object.entries(schema.errors)
  .map(([kind, { code, message }]) => `  /** ${message} */\n  ${kind}: ${code},`)
  .join("\n");
const tail = `
/** Version of the protocol that these types are of; the server's answer to \`initialize\` carries its own. */
export const PROTOCOL_VERSION = ${JSON.stringify(schema.protocolVersion)};

/** Every method with what it takes and what it answers. */
export interface Methods {
${methods}
}

export type Method = keyof Methods;

/** Code of every error by its \`data.kind\`. */
export const ERROR_CODES = {
${errors}
} as const;

export type ErrorKind = keyof typeof ERROR_CODES;
`;

// the root is only there to hold the definitions
const body = types
  .replace(/export interface ExbertRpc \{\s*\}\n*/, "")
  .replace(
    / \*\n \* This interface was referenced by `ExbertRpc`'s JSON-Schema\n \* via the `definition` "\w+"\.\n/g,
    "",
  );
const content = body + tail;
if (process.argv.includes("--check")) {
  if (readFileSync(here("types.ts"), "utf8") !== content) {
    console.error("types.ts is out of date: npm run generate");
    process.exit(1);
  }
} else {
  writeFileSync(here("types.ts"), content);
}
