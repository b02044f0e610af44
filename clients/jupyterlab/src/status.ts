/** The item in the status bar: how the server is, in words and a mark. */
import type { ServerEvent } from '#view';
import { Widget } from '@lumino/widgets';
import type { ServerInfo, Session } from './session';

const MARKS: Readonly<Record<ServerEvent['kind'], string>> = {
  starting: '…',
  ready: '',
  restarted: '',
  crashed: '⚠',
  missing: '⚠'
};
const WORDS: Readonly<Record<ServerEvent['kind'], string>> = {
  starting: 'starting',
  ready: '',
  restarted: '',
  crashed: 'server stopped',
  missing: 'not installed'
};

/** What the item says; `title` is its tooltip. */
export function statusText(event: ServerEvent, info: ServerInfo | null, used: boolean): { text: string; title: string } {
  if (!used) {
    return { text: 'exBERT', title: 'exBERT: click to open its panel' };
  }
  const well = event.kind === 'ready' || event.kind === 'restarted';
  const detail = well && info !== null ? ` · ${info.defaultModel} · ${info.device}` : '';
  const text = ['exBERT', WORDS[event.kind], MARKS[event.kind]].filter(part => part !== '').join(' ');
  return { text, title: event.message ?? `exBERT${detail}` };
}

export class StatusItem extends Widget {
  private readonly button = document.createElement('button');
  private used = false;

  constructor(session: Session, onClick: () => void) {
    super();
    this.addClass('exbert-status');
    this.button.type = 'button';
    this.button.addEventListener('click', onClick);
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
    this.node.dataset['kind'] = this.used ? state.kind : 'idle';
  }
}
