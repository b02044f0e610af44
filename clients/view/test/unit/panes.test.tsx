// @vitest-environment happy-dom
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { afterEach, describe, expect, expectTypeOf, it } from "vitest";
import { FixtureHost } from "../../dev/fixtureHost";
import { initialState } from "../../src/app";
import { type MountedView, mount } from "../../src/mount";
import type { DataOf, Pane, PartsOf, ViewOf } from "../../src/pane";
import { PANES } from "../../src/panes";
import { composeState } from "../../src/state";
import { menuActions } from "../../src/ui/actions";
import { makeToy, type WithToy } from "./toyPane";
import { until } from "./wait";

const views: MountedView[] = [];

function mounted(state?: unknown) {
  const toy = makeToy();
  const host = new FixtureHost(state === undefined ? {} : { state });
  const element = document.createElement("div");
  document.body.append(element);
  const view = mount(element, host, [...PANES, toy.pane]);
  views.push(view);
  const { controller } = toy.part();
  return {
    toy,
    host,
    element,
    view,
    controller,
    state: () => controller.store.get() as WithToy<ReturnType<typeof controller.store.get>>,
  };
}

afterEach(() => {
  for (const view of views.splice(0)) view.dispose();
  document.body.replaceChildren();
});

describe("a pane that is in the registry, and nowhere else", () => {
  it("has a tab of its own, which shows it", async () => {
    const { element, host, controller, state } = mounted();
    controller.store.set({ wide: false });
    host.selections.fire({ input: { text: "abba" }, label: "" });
    await until(state, (s) => s.toyLetters === 2);
    const tabs = () => [...element.querySelectorAll<HTMLElement>("[role=tab]")];
    await until(
      () => tabs().at(-1)?.textContent,
      (text) => text === "Toy 2",
    );
    expect(tabs().length).toBe(PANES.length + 1);
    expect(element.querySelector(".toy")).toBe(null);
    tabs().at(-1)?.click();
    await until(
      () => element.querySelector(".toy p")?.textContent,
      (text) => text === "2 letters",
    );
    expect(element.querySelector("[role=tabpanel]")?.getAttribute("aria-labelledby")).toBe("exbert-tab-toy");
    expect(element.querySelector(".pane.attention")).toBe(null);
  });

  it("stands in the column that it asks for when there is room for all", async () => {
    const { element } = mounted();
    await until(
      () => element.querySelector(".toy"),
      (toy) => toy !== null,
    );
    const columns = [...element.querySelectorAll(".column")].map((column) =>
      [...column.children].map((pane) => pane.className),
    );
    expect(columns[0]).toEqual(["pane attention"]);
    expect(columns.at(-1)).toEqual(["pane toy"]);
  });

  it("is drawn again when a choice of its own changes", async () => {
    const { element } = mounted();
    await until(
      () => element.querySelector(".toy p")?.textContent,
      (text) => text === "no letters",
    );
    element.querySelector<HTMLElement>(".toy button")?.click();
    await until(
      () => element.querySelector(".toy p")?.textContent,
      (text) => text === "NO LETTERS",
    );
  });

  it("has its choices kept by the host, copied in links and restored from both", async () => {
    const first = mounted();
    first.controller.update({ pane: "toy", toyCase: "upper" } as object);
    const kept = await until(
      () => first.host.state.get() as object | undefined,
      (one) => one !== undefined && "toyCase" in one && one.toyCase === "upper",
    );
    expect(mounted(kept).state().view).toMatchObject({ pane: "toy", toyCase: "upper" });
    const other = mounted();
    expect(other.view.restore(first.controller.link())).toBe(true);
    expect(other.state().view).toMatchObject({ pane: "toy", toyCase: "upper" });
  });

  it("has choices that make no sense set to its defaults, and those about one query set back with the next", () => {
    const { controller, state } = mounted({ version: 1, toyCase: "sideways", layer: 3 });
    expect(state().view).toMatchObject({ toyCase: "lower", layer: 3 });
    controller.update({ toyCase: "upper" } as object);
    controller.pin({ side: "left", token: 3 });
    expect(state().view.toyCase).toBe("lower");
  });

  it("hears of captures and new corpora, and is stopped with the view", async () => {
    const { toy, host, state, view, controller } = mounted();
    host.selections.fire({ input: { text: "abba" }, label: "" });
    await until(state, (s) => s.toyLetters === 2);
    for (const part of [controller.parts.corpus, toy.part()]) part.corpusBuilt();
    view.dispose();
    expect(toy.part().heard).toEqual(["captured", "corpusBuilt", "cancel"]);
  });

  it("has its exports in the menu, below a line", () => {
    const { controller } = mounted();
    const actions = menuActions(controller, () => undefined);
    expect(actions.find(({ text }) => text === "Save letters as JSON")).toMatchObject({ separated: true });
    expect(actions[0].separated).toBe(false);
  });

  it("has its types in those of the whole", () => {
    const toy = makeToy();
    type Grown = readonly [...typeof PANES, typeof toy.pane];
    expectTypeOf<ViewOf<Grown>>().toHaveProperty("toyCase").toEqualTypeOf<"lower" | "upper">();
    expectTypeOf<ViewOf<Grown>>().toHaveProperty("topPercent").toEqualTypeOf<number>();
    expectTypeOf<DataOf<Grown>>().toHaveProperty("toyLetters").toEqualTypeOf<number | null>();
    expectTypeOf<PartsOf<Grown>["toy"]["heard"]>().toEqualTypeOf<string[]>();
  });
});

describe("two panes that define the same field", () => {
  const clash = (change: Partial<Pane>): readonly Pane[] => [...PANES, { ...makeToy().pane, ...change }];

  it("are refused, by both names", () => {
    const twice = { initial: { k: 3 }, checks: { k: () => true } };
    expect(() => composeState(clash({ view: twice }))).toThrow(/“k”.*“corpus”.*“toy”/);
    const view = composeState(PANES).initial;
    expect(() => initialState("light", view, clash({ data: { result: 1 } }))).toThrow(/“result”.*“corpus”.*“toy”/);
    expect(() => initialState("light", view, clash({ data: { capture: 1 } }))).toThrow(/“capture”.*“the view”.*“toy”/);
  });
});

const SRC = resolve(__dirname, "../../src");

function sourcesBelow(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name));
  return names.map((name) => join(folder, name));
}

/** Every relative import of a folder: from which file, to which path, both relative to src/. */
function importsBelow(folder: string): { readonly from: string; readonly to: string }[] {
  return sourcesBelow(folder).flatMap((path) => {
    const specifiers = [...readFileSync(path, "utf8").matchAll(/(?:from|import) "(\.[^"]+)"/g)].map(
      (found) => found[1],
    );
    return specifiers.map((one) => ({ from: relative(SRC, path), to: relative(SRC, resolve(dirname(path), one)) }));
  });
}

describe("the seam between panes and the rest", () => {
  const imports = importsBelow(SRC);
  /** Which pane may use another one. The summary counts the contexts of the corpus pane; heads show such contexts. */
  const USES: Readonly<Record<string, readonly string[]>> = { summary: ["corpus"], heads: ["corpus"] };

  it("is crossed from outside through the registry alone", () => {
    const crossing = imports.filter(({ from, to }) => !from.startsWith("panes/") && to.startsWith("panes"));
    expect(crossing.filter(({ to }) => to !== "panes")).toEqual([]);
    expect(crossing.map(({ from }) => from).sort()).toEqual([
      "app.ts",
      "control/controller.ts",
      "mount.tsx",
      "state.ts",
    ]);
  });

  it("lets panes use another pane only where that is written down", () => {
    const other = imports.filter(({ from, to }) => {
      const [root, pane] = from.split("/");
      const [otherRoot, otherPane = ""] = to.split("/");
      return (
        root === "panes" &&
        pane !== "index.ts" &&
        otherRoot === "panes" &&
        otherPane !== pane &&
        !(USES[pane] ?? []).includes(otherPane)
      );
    });
    expect(other).toEqual([]);
  });

  it("has one folder for each pane, and one line for each in the registry", () => {
    const folders = readdirSync(join(SRC, "panes"), { withFileTypes: true }).filter((one) => one.isDirectory());
    expect(folders.map(({ name }) => name).sort()).toEqual(PANES.map(({ id }) => id).sort());
    expect(imports.filter(({ from }) => from === "panes/index.ts").map(({ to }) => to)).toEqual(
      PANES.map(({ id }) => `panes/${id}`).sort(),
    );
  });
});

describe("the seam between the view and its hosts", () => {
  it("lets the view import its own code, the wire types, what clients share, two drawing libraries and a reader of Markdown", () => {
    const outside = importsBelow(SRC)
      .map(({ to }) => to)
      .filter((to) => to.startsWith(".."));
    expect([...new Set(outside)].sort()).toEqual([
      "../../../protocol/types",
      "../../shared/src/chatMessages",
      "../../shared/src/findAgain",
      "../../shared/src/sentences",
    ]);
    const packages = sourcesBelow(SRC).flatMap((path) =>
      [...readFileSync(path, "utf8").matchAll(/from "([^."][^"]*)"/g)].map((found) => found[1]),
    );
    expect([...new Set(packages)].sort()).toEqual([
      "d3-shape",
      "mdast",
      "mdast-util-from-markdown",
      "preact",
      "preact/hooks",
    ]);
  });
});
