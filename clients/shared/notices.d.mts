export function notices(metafile: { inputs: Record<string, unknown> }, folder: string): string;
export function packageOf(path: string): string | null;
