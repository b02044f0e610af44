/** What the panel keeps through a reload: JupyterLab's state database, or what the browser keeps for a tab. */
import type { ReadonlyPartialJSONValue } from "@lumino/coreutils";

/** As much of `IStateDB` as the panel uses. */
export interface Kept {
  fetch(id: string): Promise<unknown>;
  save(id: string, value: ReadonlyPartialJSONValue): Promise<unknown>;
}

/** Jupyter Notebook's database forgets with the page; this belongs to a page's address in a tab. */
export function keptByTab(storage: Storage, page: string): Kept {
  const key = (id: string) => `${id}:${page}`;
  return {
    fetch: async (id) => {
      const text = storage.getItem(key(id));
      return text === null ? undefined : (JSON.parse(text) as unknown);
    },
    // rejects when the browser's room is used up: then nothing is kept
    save: async (id, value) => storage.setItem(key(id), JSON.stringify(value)),
  };
}
