/** Messages to a page that comes and goes: each reaches a page, or waits for the next one. */
export class Outbox<Message> {
  private isOpen = false;
  private waiting: Message[] = [];

  /**
   * `deliver` gives a message to the page and says whether it took it. `replaces` says whether a message makes an
   * earlier one that still waits superfluous.
   */
  constructor(
    private readonly deliver: (message: Message) => PromiseLike<boolean>,
    private readonly replaces: (message: Message, earlier: Message) => boolean = () => false,
  ) {}

  /** A page has loaded, and gets what waits. */
  opened(): void {
    this.isOpen = true;
    for (const message of this.waiting.splice(0)) this.send(message);
  }

  /** The page is gone. */
  closed(): void {
    this.isOpen = false;
  }

  /** For the page that is there, or the next one. */
  post(message: Message): void {
    if (this.isOpen) this.send(message);
    else this.wait(message);
  }

  /** For the page that is there; nothing when there is none, as for an answer to a page that is gone. */
  postNow(message: Message): void {
    if (this.isOpen) void this.deliver(message);
  }

  private send(message: Message): void {
    void this.deliver(message).then((taken) => {
      if (taken) return;
      this.closed();
      this.wait(message);
    });
  }

  private wait(message: Message): void {
    this.waiting = [...this.waiting.filter((earlier) => !this.replaces(message, earlier)), message];
  }
}
