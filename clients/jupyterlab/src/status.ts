/** The item in the status bar: how the server is, in words and a mark. */
import { Widget } from "@lumino/widgets";
import type { Session } from "./session";
import { statusText } from "./wording";

export class StatusItem extends Widget {
  private readonly button = document.createElement("button");
  private used = false;

  constructor(session: Session, onClick: () => void) {
    super();
    this.addClass("exbert-status");
    this.button.type = "button";
    this.button.addEventListener("click", onClick);
    this.node.append(this.button);
    this.draw(session);
    const subscription = session.onEvent(() => {
      this.used = true;
      this.draw(session);
    });
    this.disposed.connect(() => subscription.dispose());
  }

  private draw({ state, info }: Session): void {
    const { text, title } = statusText(state, info, this.used);
    this.button.textContent = text;
    this.button.title = title;
    this.node.dataset.kind = this.used ? state.kind : "idle";
  }
}
