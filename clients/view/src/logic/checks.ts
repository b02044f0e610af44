/** Whether a value that came from outside (a link, saved state) is what a field of the state takes. */

export type Check = (value: unknown) => boolean;

/** One check for each field. */
export type Checks<T extends object> = Readonly<Record<keyof T & string, Check>>;

export const isIndex: Check = (value) => Number.isInteger(value) && (value as number) >= 0;
export const isText: Check = (value) => typeof value === "string";
export const isFlag: Check = (value) => typeof value === "boolean";

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function oneOf(...allowed: readonly unknown[]): Check {
  return (value) => allowed.includes(value);
}

export function orNull(check: Check): Check {
  return (value) => value === null || check(value);
}

export function listOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

export function between(low: number, high: number): Check {
  return (value) => typeof value === "number" && value >= low && value <= high;
}
