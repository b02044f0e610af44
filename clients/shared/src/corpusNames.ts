/** Names of corpora: the same texts read by two models are two corpora. */

export interface NamedCorpus {
  readonly corpus: string;
  readonly model: string;
}

const LONGEST = 60;

/** `name` if it is free, or already of this model; else with the model's name behind it, and a number where needed. */
export function nameApart(name: string, model: string, corpora: readonly NamedCorpus[]): string {
  const suffix = plain(model.split(/[\\/]/).filter(Boolean).pop() ?? "");
  const stem = name.endsWith(`-${suffix}`) ? name : `${name.slice(0, LONGEST - suffix.length - 1)}-${suffix}`;
  for (let number = 0; ; number++) {
    const candidate = number === 0 ? name : number === 1 ? stem : `${stem}-${number}`;
    const taken = corpora.find(({ corpus }) => corpus === candidate);
    if (taken === undefined || taken.model === model) return candidate;
  }
}

function plain(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[-.]+|[-.]+$/g, "")
    .slice(0, LONGEST / 2);
  return name === "" ? "model" : name;
}
