/** What there are examples of: the roles and words of a head that have some. */
import type { HeadProfile, Hit } from "../../../protocol";
import { roleId, roleName } from "./roles";

export interface Topic {
  readonly id: string;
  readonly name: string;
  readonly hits: readonly Hit[];
}

export function wordId(word: string): string {
  return `word:${word}`;
}

export function topicsOf(examples: HeadProfile): Topic[] {
  const roles = examples.roles.map((role) => ({ id: roleId(role), name: roleName(role), hits: role.examples ?? [] }));
  const words = examples.vocabulary.map((one) => ({
    id: wordId(one.word),
    name: `“${one.word}”`,
    hits: one.examples ?? [],
  }));
  return [...roles, ...words].filter(({ hits }) => hits.length > 0);
}

/** The chosen topic, or the first. */
export function shownTopic(topics: readonly Topic[], chosen: string | null): Topic | null {
  return topics.find(({ id }) => id === chosen) ?? topics[0] ?? null;
}
