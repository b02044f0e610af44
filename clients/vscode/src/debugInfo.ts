/** What a bug report needs: versions and states, no texts of the person, no home folder. */
import { homedir, release } from "node:os";
import * as vscode from "vscode";
import { PROTOCOL_VERSION } from "../../../protocol/types";
import { examineAll, findInterpreters } from "./environment";
import type { Server } from "./server";
import { readSettings } from "./settings";

export async function debugInfo(
  context: vscode.ExtensionContext,
  server: Server,
  environments: string,
): Promise<string> {
  const session = await server.current();
  const info = {
    extension: (context.extension.packageJSON as { version: string }).version,
    protocol: PROTOCOL_VERSION,
    editor: `${vscode.env.appName} ${vscode.version} (${vscode.env.appHost})`,
    system: `${process.platform} ${process.arch} ${release()}`,
    trusted: vscode.workspace.isTrusted,
    interpreter: session?.interpreter ?? null,
    interpreters: await examineAll(findInterpreters(environments), context.extensionPath),
    server:
      session === undefined
        ? (server.state ?? { kind: "not started" })
        : { version: session.version, ...session.capability },
    settings: readSettings(),
  };
  return JSON.stringify(info, null, 2).replaceAll(JSON.stringify(homedir()).slice(1, -1), "~");
}
