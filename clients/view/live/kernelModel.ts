/** What is used of a widget's model (anywidget's front-end module interface). */
export interface KernelModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown): void;
  on(event: string, callback: (...args: never[]) => void): void;
  off(event: string, callback: (...args: never[]) => void): void;
}

/** Messages of the kernel; the bytes of what is large come beside them. */
export type FromKernel =
  | { readonly kind: "script" }
  | { readonly kind: "opened" | "rpc"; readonly id: string }
  | { readonly kind: "page"; readonly id: string; readonly error?: string }
  | { readonly kind: "closed"; readonly id: string; readonly reason: string };

export type ToKernel =
  | { readonly kind: "script" }
  | { readonly kind: "open" | "close"; readonly id: string }
  | { readonly kind: "rpc"; readonly id: string; readonly text: string }
  | { readonly kind: "page"; readonly id: string; readonly state: object };

export type Received = (message: FromKernel, buffers: readonly (DataView | ArrayBuffer)[]) => void;

/** Hears the kernel's messages until the returned function is called. */
export function listen(model: KernelModel, received: Received): () => void {
  model.on("msg:custom", received as (...args: never[]) => void);
  return () => model.off("msg:custom", received as (...args: never[]) => void);
}

export function tell(model: KernelModel, message: ToKernel): void {
  model.send(message);
}
