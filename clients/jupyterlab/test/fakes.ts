import type { Socket } from "#shared/rpc";

interface Sent {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: unknown;
  readonly error?: { readonly code: number };
}

/** A socket whose other end is the test. */
export class FakeSocket implements Socket {
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  readonly sent: Sent[] = [];
  closedWith: number | null = null;

  /** Answers each request by itself when set. */
  constructor(private readonly answer?: (message: Sent) => unknown) {}

  send(text: string): void {
    const message = JSON.parse(text) as Sent;
    this.sent.push(message);
    const result = message.id === undefined ? undefined : this.answer?.(message);
    if (result !== undefined) {
      queueMicrotask(() => this.receive({ jsonrpc: "2.0", id: message.id, result }));
    }
  }

  close(code = 1005, reason = ""): void {
    this.closedWith = code;
    this.drop(code, reason);
  }

  receive(message: unknown): void {
    this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }

  drop(code: number, reason = ""): void {
    this.onclose?.({ code, reason });
  }

  last(): Sent {
    return this.sent[this.sent.length - 1];
  }
}

export function greeting(protocolVersion = "1.0"): object {
  const exbert = { protocolVersion, methods: ["attend", "ping"], defaultModel: "mini", device: "cpu" };
  return { capabilities: { experimental: { exbert } } };
}
