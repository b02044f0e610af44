// Says whether openrpc.json is a valid OpenRPC document whose references all resolve.
import { readFileSync } from "node:fs";
import { parseOpenRPCDocument, validateOpenRPCDocument } from "@open-rpc/schema-utils-js";

const source = readFileSync(new URL("openrpc.json", import.meta.url), "utf8");
const verdict = validateOpenRPCDocument(JSON.parse(source));
if (verdict !== true) {
  console.error(String(verdict));
  process.exit(1);
}
const document = await parseOpenRPCDocument(JSON.parse(source), { dereference: false });
console.log(`openrpc.json: OpenRPC ${document.openrpc}, ${document.methods.length} methods, valid`);
