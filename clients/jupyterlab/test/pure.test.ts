import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { follow } from "../src/follow";
import { linkIn } from "../src/link";
import { corpusNameFor, pathBelowRoot, sourceOf, uriOf } from "../src/locations";
import { placeBeside, share } from "../src/placement";
import { DEFAULTS, initializationOptions } from "../src/settings";
import { themeOf } from "../src/theme";

describe("documents of hits", () => {
  it.each([
    ["file:///home/me/notes.md", "file:///home/me", "notes.md"],
    ["file:///home/me/a/b%20c.md", "file:///home/me/", "a/b c.md"],
    ["file:///home/me/%C3%BCber.md", "file:///home/me", "über.md"],
    ["file:///C:/data/x.txt", "file:///C:/data", "x.txt"],
    ["file:///x.md", "file:///", "x.md"],
    ["file:///home/me2/notes.md", "file:///home/me", null],
    ["file:///home/me", "file:///home/me", null],
    ["file:///home/me/%2e%2e/secret", "file:///home/me", null],
    ["file:///home/me/..%2Fsecret", "file:///home/me", null],
    ["https://example.org/home/me/x", "file:///home/me", null],
    ["pydoc:topics/assert", "file:///home/me", null],
    ["file:///home/me/%", "file:///home/me", null],
    ["nothing", "file:///home/me", null],
  ])("%s below %s is %s", (uri, root, path) => expect(pathBelowRoot(uri, root)).toBe(path));
});

describe("a document that changed", () => {
  it.each(["notes.md", "a/b c.md", "100%.md", "über/#1?.md"])("%s has a uri that leads back to it", (path) => {
    for (const root of ["file:///home/me", "file:///home/me/"])
      expect(pathBelowRoot(uriOf(path, root), root)).toBe(path);
  });
});

describe("a document that a hit opens", () => {
  it.each([
    ["beside the panel", [["exbert"], ["a.md", "b.md"]], "a.md", { ref: "a.md", mode: "tab-after" }],
    [
      "beside it after a reload, when no document was active yet",
      [["exbert"], ["a.md"]],
      null,
      { ref: "a.md", mode: "tab-after" },
    ],
    ["left of it when it is alone", [["exbert"]], null, { ref: "exbert", mode: "split-left" }],
    [
      "left of it when the documents are tabs of the same area",
      [["a.md", "exbert"]],
      "a.md",
      { ref: "exbert", mode: "split-left" },
    ],
    [
      "in another area than the one that it shares with the active document",
      [["a.md", "exbert"], ["b.md"]],
      "a.md",
      { ref: "b.md", mode: "tab-after" },
    ],
    ["where people work when the panel is closed", [["a.md"]], "a.md", { ref: "a.md", mode: "tab-after" }],
  ] as const)("stands %s", (_, areas, preferred, place) =>
    expect(placeBeside(areas, "exbert", preferred)).toEqual(place),
  );

  it("is moved when it was in front of the panel", () => {
    expect(share([["a.md", "exbert"]], "exbert", "a.md")).toBe(true);
    expect(share([["a.md"], ["exbert"]], "exbert", "a.md")).toBe(false);
  });
});

describe("folders to index", () => {
  it.each([
    ["", "/home/me", "/home/me"],
    ["notes/old", "/home/me/", "/home/me/notes/old"],
    ["notes", "C:\\data", "C:\\data\\notes"],
  ])("%s below %s is the source %s", (path, root, source) => expect(sourceOf(path, root)).toBe(source));

  it.each([
    ["", "/home/me", "me"],
    ["my notes/Übung 1", "/home/me", "U-bung-1"],
    ["...", "/home/me", "corpus"],
    ["x".repeat(99), "/", "x".repeat(64)],
  ])("%s gives a name of plain characters", (path, root, name) => expect(corpusNameFor(path, root)).toBe(name));
});

describe("themes", () => {
  it.each([
    ["JupyterLab Light", true, false, "light"],
    ["JupyterLab Dark", false, false, "dark"],
    ["JupyterLab Dark High Contrast", false, false, "highContrast"],
    ["JupyterLab Light", true, true, "highContrastLight"],
    [null, true, false, "light"],
  ])("%s (light: %s, more contrast wanted: %s) is %s", (name, light, more, theme) =>
    expect(themeOf(name, light, more)).toBe(theme),
  );
});

describe("options for the server", () => {
  it("leave out what is empty, so that its own defaults hold", () =>
    expect(initializationOptions(DEFAULTS)).toEqual({ precision: "int8", trace: false }));
  it("name the model and the pipeline that a person chose", () =>
    expect(initializationOptions({ ...DEFAULTS, model: "m", pipeline: "p" })).toMatchObject({
      model: "m",
      pipeline: "p",
    }));
});

describe("links", () => {
  it("are handed to the view as it encoded them", () =>
    expect(linkIn("?exbert=eyJ2IjoxfQ&x=1")).toBe("exbert:eyJ2IjoxfQ"));
  it.each(["", "?exbert=", "?exbert=%3Cscript%3E", "?other=eyJ2IjoxfQ"])("are not in %s", (search) =>
    expect(linkIn(search)).toBeNull(),
  );
});

describe("following the selection", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function follower(read: () => string | null) {
    const used: string[] = [];
    const made = follow<string>({ read, same: (a, b) => a === b, use: (text) => used.push(text), delay: () => 400 });
    return { made, used };
  }

  it("waits until the selection stands still", () => {
    let text = "a";
    const { made, used } = follower(() => text);
    for (const next of ["ab", "abc", "abcd"]) {
      text = next;
      made.poke();
      vi.advanceTimersByTime(300);
    }
    expect(used).toEqual([]);
    vi.advanceTimersByTime(100);
    expect(used).toEqual(["abcd"]);
  });

  it("does not use the same selection twice, nor an empty one", () => {
    let text: string | null = "a";
    const { made, used } = follower(() => text);
    for (const next of ["a", null, "a"]) {
      text = next;
      made.poke();
      vi.advanceTimersByTime(500);
    }
    expect(used).toEqual(["a"]);
  });

  it("uses nothing after it was disposed of", () => {
    const { made, used } = follower(() => "a");
    made.poke();
    made.dispose();
    vi.advanceTimersByTime(500);
    expect(used).toEqual([]);
  });
});
