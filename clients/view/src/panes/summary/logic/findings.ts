/** Whose findings they are: the head's own, or explained by the word or by what is attended to. */
import type { Bin, Controls, Finding, SummarizeResult } from "../../../protocol";

export type Control = keyof Controls;

export const NO_CONTROLS: Controls = { word: null, echo: null, peers: null };

export function hasControls({ controls }: Pick<Bin, "controls">): boolean {
  const { word, echo, peers } = controls ?? NO_CONTROLS;
  return word !== null || echo !== null || peers !== null;
}

/** A sentence to read, without what a server before 1.1 does not say. */
export interface Said {
  readonly sentence: string;
  readonly verdict: Finding["verdict"];
}

export interface SaidFindings {
  /** Of the head, then what was not checked. */
  readonly own: readonly Said[];
  readonly word: readonly Said[];
  readonly echo: readonly Said[];
}

/** What every finding says alike ("over 38 distinct sentences") stands in the heading already. */
export function withoutRefrain(findings: readonly string[]): string[] {
  const refrains = new Set(findings.map((finding) => / over \d+ distinct sentences/.exec(finding)?.[0]));
  const [refrain] = refrains;
  return refrains.size === 1 && refrain !== undefined
    ? findings.map((finding) => finding.replace(refrain, ""))
    : [...findings];
}

/** The findings by whose they are, each group in the server's order. A server before 1.1 has checked none. */
export function saidFindings(summary: Pick<SummarizeResult, "findings"> & Partial<SummarizeResult>): SaidFindings {
  const { findingsDetailed, findings } = summary;
  const detailed = findingsDetailed?.length === findings.length ? findingsDetailed : undefined;
  const sentences = withoutRefrain(detailed?.map(({ sentence }) => sentence) ?? findings);
  const said = sentences.map((sentence, i): Said => ({ sentence, verdict: detailed?.[i].verdict ?? "unchecked" }));
  const having = (verdict: Finding["verdict"]) => said.filter((one) => one.verdict === verdict);
  return { own: [...having("head"), ...having("unchecked")], word: having("word"), echo: having("echo") };
}

/** The controls that a summary was asked for; those that do not apply are left out, or it would say why. */
export function controlsFor(
  view: { readonly space: "headOutput" | "hiddenState"; readonly heads: readonly number[] | null },
  isRelation: boolean,
): { readonly first: Control[]; readonly later: Control[] | null } {
  // a relation compares hidden states, whatever is chosen for tokens alone
  if (isRelation || view.space === "hiddenState") return { first: ["word"], later: null };
  return { first: ["word", "echo"], later: view.heads?.length === 1 ? ["word", "echo", "peers"] : null };
}
