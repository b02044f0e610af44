/** A session with the engine that a widget's kernel has, as a socket: requests as messages, answers as bytes beside them. */
import type { Socket } from "../../shared/src/rpc";
import { type KernelModel, listen, tell } from "./kernelModel";
import { GOING_AWAY } from "./session";

/** A kernel that runs another cell may answer much later: then it is asked again. */
const PATIENCE_MS = 8_000;

export class KernelSocket implements Socket {
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  private readonly id = crypto.randomUUID();
  private readonly stopListening: () => void;
  private readonly gone = () => this.end("the kernel has ended");
  private opened: () => void = () => {};

  private constructor(private readonly model: KernelModel) {
    this.stopListening = listen(model, (message, buffers) => {
      if (message.kind === "script" || message.kind === "page" || message.id !== this.id) return;
      if (message.kind === "opened") this.opened();
      else if (message.kind === "closed") this.end(message.reason);
      else this.onmessage?.({ data: new TextDecoder().decode(buffers[0]) });
    });
    for (const event of ["comm:close", "destroy"]) model.on(event, this.gone);
  }

  /** Resolves when the kernel answers; rejects when it does not for a while. */
  static open(model: KernelModel): Promise<Socket> {
    const socket = new KernelSocket(model);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        socket.close();
        reject(new Error("the kernel does not answer"));
      }, PATIENCE_MS);
      socket.opened = () => {
        clearTimeout(timer);
        resolve(socket);
      };
      tell(model, { kind: "open", id: socket.id });
    });
  }

  send(text: string): void {
    tell(this.model, { kind: "rpc", id: this.id, text });
  }

  close(): void {
    tell(this.model, { kind: "close", id: this.id });
    this.end("closed");
  }

  private end(reason: string): void {
    this.stopListening();
    for (const event of ["comm:close", "destroy"]) this.model.off(event, this.gone);
    this.onclose?.({ code: GOING_AWAY, reason });
    this.onclose = null;
  }
}
