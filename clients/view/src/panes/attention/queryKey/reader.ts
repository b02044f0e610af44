/** Asks what the row of the pinned token is made of, where one head is chosen and a person wants to see it. */
import { type AppState, IDLE } from "../../../app";
import type { Controller } from "../../../control/controller";
import { asHostError } from "../../../control/errors";
import { Latest } from "../../../logic/latest";
import { ERROR_CODES, type QueryKeyParams } from "../../../protocol";

/** What to ask for; null where there is no row of one head. */
export function rowParams({ view, capture }: AppState): QueryKeyParams | null {
  const { pinned, heads, layer, stack, showQueryKey } = view;
  if (!showQueryKey || capture === null || pinned?.side !== "left" || heads?.length !== 1) return null;
  return { captureId: capture.id, token: pinned.token, layer, head: heads[0], stack };
}

export class QueryKeyReader {
  private readonly reading = new Latest();
  private asked = "";

  constructor(private readonly controller: Controller) {}

  changed(): void {
    const { store } = this.controller;
    const params = rowParams(store.get());
    const key = params === null ? "" : JSON.stringify(params);
    if (key === this.asked) return;
    this.asked = key;
    this.reading.cancel();
    if (params === null) store.set({ queryKey: null, queryKeyStatus: IDLE });
    else void this.read(params);
  }

  retry(): void {
    this.asked = "";
    this.changed();
  }

  cancel(): void {
    this.reading.cancel();
  }

  private async read(params: QueryKeyParams): Promise<void> {
    const { host, store } = this.controller;
    store.set({ queryKeyStatus: { phase: "busy", progress: null } });
    try {
      const outcome = await this.reading.run((signal) => host.request("queryKey", params, { signal }));
      if (outcome.kind === "done") store.set({ queryKey: outcome.value, queryKeyStatus: IDLE });
    } catch (thrown) {
      const error = asHostError(thrown);
      store.set({ queryKey: null, queryKeyStatus: { phase: "failed", error } });
      // the server has forgotten the text: it is read once more
      if (error.code === ERROR_CODES.unknownHandle) void this.controller.reload();
    }
  }
}
