import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { contentSecurityPolicy, pageHtml } from "../src/pure/html";
import { corpusName } from "../src/pure/names";
import { serverArguments, serverOptions } from "../src/pure/options";
import { themeOf } from "../src/webview/theme";

const parts = {
  nonce: "n0nce",
  cspSource: "https://*.example",
  scriptUri: "https://x/a.js",
  styleUris: ["https://x/a.css"],
  linkPrefix: 'vscode://a?b=1&c="<',
};

describe("the page", () => {
  it("allows scripts by nonce only, nothing inline, and no network", () => {
    const policy = contentSecurityPolicy(parts);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'nonce-n0nce'");
    expect(policy).not.toMatch(/unsafe|connect-src|\*(?!\.example)/);
  });

  it("has no inline script or style, and escapes what it is given", () => {
    const html = pageHtml(parts);
    expect(html).not.toMatch(/<style|style=|\son\w+=|<script(?![^>]*src=)/);
    expect(html).toContain("b=1&amp;c=&quot;&lt;");
    expect(html.match(/nonce="n0nce"/g)).toHaveLength(1);
  });
});

describe("names", () => {
  it("of corpora are plain and never empty", () => {
    expect(corpusName("My Notes (2024)")).toBe("my-notes-2024");
    expect(corpusName("Übung")).toBe("ubung");
    expect(corpusName("../..")).toBe("corpus");
    expect(corpusName("日本語")).toBe("corpus");
    expect(corpusName("x".repeat(200))).toHaveLength(60);
  });
});

describe("the server's options", () => {
  const nothing = {
    model: "",
    pipeline: "",
    precision: "int8",
    corpusFolder: "",
    device: "auto",
    allowNetwork: false,
    serverArguments: [],
    serverOptions: {},
  };

  it("name the default explicitly where nothing was chosen, so that a choice can be taken back", () => {
    expect(serverOptions(nothing)).toEqual({
      model: null,
      pipeline: null,
      precision: "int8",
      store: null,
      actions: false,
      device: null,
    });
    expect(serverOptions({ ...nothing, model: "m", device: "cpu" })).toMatchObject({ model: "m", device: "cpu" });
  });

  it("are overridden by the explicit ones", () => {
    expect(serverOptions({ ...nothing, model: "m", serverOptions: { model: "n" } })).toMatchObject({ model: "n" });
  });

  it("leave the network to the command line", () => {
    expect(serverArguments(nothing)).not.toContain("--allow-network");
    expect(serverArguments({ ...nothing, allowNetwork: true, serverArguments: ["--x"] })).toEqual([
      "-m",
      "exbert_rpc",
      "serve",
      "--allow-network",
      "--x",
    ]);
  });
});

describe("the theme", () => {
  const body = (...classes: string[]) => ({ classList: { contains: (name: string) => classes.includes(name) } });

  it("is read from the classes that VS Code sets", () => {
    expect(themeOf(body("vscode-dark"))).toBe("dark");
    expect(themeOf(body("vscode-light"))).toBe("light");
    expect(themeOf(body("vscode-high-contrast"))).toBe("highContrast");
    expect(themeOf(body("vscode-high-contrast", "vscode-high-contrast-light"))).toBe("highContrastLight");
  });
});

describe("the manifest", () => {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    contributes: { commands: { command: string }[]; configuration: { properties: Record<string, { scope?: string }> } };
    capabilities: { untrustedWorkspaces: { restrictedConfigurations: string[] } };
  };

  it("declares exactly the commands that are registered", () => {
    const source = readFileSync(new URL("../src/commands.ts", import.meta.url), "utf8");
    const registered = [...source.matchAll(/"(exbert\.\w+)": \(/g)].map(([, id]) => id);
    expect(registered.sort()).toEqual(manifest.contributes.commands.map(({ command }) => command).sort());
  });

  it("restricts in untrusted workspaces whatever decides what is executed or loaded", () => {
    const { restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
    for (const key of ["interpreter", "package", "server.arguments", "server.options", "model", "corpusFolder"]) {
      expect(restrictedConfigurations).toContain(`exbert.${key}`);
    }
    for (const key of restrictedConfigurations)
      expect(manifest.contributes.configuration.properties).toHaveProperty([key]);
  });
});
