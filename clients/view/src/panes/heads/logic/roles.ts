/** Names of roles, and the ones worth a bar. */
import type { HeadProfile, Role } from "../../../protocol";

export const SIGNIFICANT = 0.05;

/** A role's name in state and links. */
export function roleId(role: Pick<Role, "role" | "direction">): string {
  return role.direction === null ? role.role : `${role.role}:${role.direction}`;
}

/** From who looks to what is looked at: “det → head” is a determiner that looks at its head. */
export function roleName({ role, direction }: Pick<Role, "role" | "direction">): string {
  if (direction === null) return role === "sameWord" ? "same word" : role;
  return direction === "toHead" ? `${role} → head` : `head → ${role}`;
}

/** As it fits into a cell: “det →” looks at its head, “→ det” is looked at. */
export function roleShort({ role, direction }: Pick<Role, "role" | "direction">): string {
  if (direction === null) return role === "sameWord" ? "same" : role;
  return direction === "toHead" ? `${role} →` : `→ ${role}`;
}

export function roleTitle({ role, direction }: Pick<Role, "role" | "direction">): string {
  if (direction === null) return "attention to other places of the same word";
  return direction === "toHead"
    ? `attention of a word in the relation ${role} to its syntactic head`
    : `attention of a word to its dependent in the relation ${role}`;
}

export function isSignificant(role: Role): boolean {
  return role.qValue < SIGNIFICANT && role.mass > role.expected;
}

/** Significant roles, those with most beyond the expected attention first. */
export function strongRoles(profile: HeadProfile): Role[] {
  return profile.roles.filter(isSignificant).sort((a, b) => b.mass - b.expected - (a.mass - a.expected));
}
