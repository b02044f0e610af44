/** What is asked before files are indexed: shows what they hold, takes a name and the field of records. */
import type { Dialog } from "@jupyterlab/apputils";
import { Widget } from "@lumino/widgets";
import { countLines, fieldsToAsk, type SourcesPreview, skippedLines } from "#shared/indexPlan";

export interface IndexChoice {
  readonly corpus: string;
  /** null: a field named “text”, or the only one that is a text. */
  readonly textField: string | null;
}

export class IndexForm extends Widget implements Dialog.IBodyWidget<IndexChoice> {
  private readonly name = document.createElement("input");
  private readonly field = document.createElement("select");

  constructor(name: string, preview: SourcesPreview) {
    super();
    this.addClass("exbert-index");
    this.name.value = name;
    this.name.className = "jp-mod-styled";
    this.node.append(list(countLines(preview)), labelled("Name of the corpus:", this.name));
    const fields = fieldsToAsk(preview);
    if (fields.length > 0) {
      this.field.className = "jp-mod-styled";
      this.field.append(
        ...fields.map((field) => option(field)),
        option("", "none: leave them out where it is not obvious"),
      );
      this.node.append(labelled("Field of the records that is the text:", this.field));
    }
    if (preview.skipped.length > 0) {
      this.node.append(detailsOf(skippedLines(preview.skipped)));
    }
  }

  getValue(): IndexChoice {
    return { corpus: this.name.value.trim(), textField: this.field.value === "" ? null : this.field.value };
  }
}

function list(lines: readonly string[]): HTMLElement {
  const node = document.createElement("ul");
  for (const line of lines) {
    const item = document.createElement("li");
    item.textContent = line;
    node.append(item);
  }
  return node;
}

function labelled(text: string, control: HTMLElement): HTMLElement {
  const label = document.createElement("label");
  label.append(text, control);
  return label;
}

function option(value: string, text?: string): HTMLOptionElement {
  const node = document.createElement("option");
  node.value = value;
  node.textContent = text ?? value;
  return node;
}

function detailsOf(lines: readonly string[]): HTMLElement {
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  summary.textContent = `left out: ${lines.length}`;
  const body = document.createElement("pre");
  body.className = "exbert-log";
  body.textContent = lines.join("\n");
  details.append(summary, body);
  return details;
}
