/** Draws the recording of the page that this script stands in. */
import "./page.css";
import { mount } from "../src/index";
import { PANES } from "../src/panes";
import { readRecording } from "./recording";
import { ReportHost } from "./reportHost";

/** What a recording can answer; the other panes ask for what only a model knows. */
const RECORDED = ["attention", "corpus", "summary"];

async function start(): Promise<void> {
  const element = document.getElementById("view");
  const data = document.getElementById("recording")?.textContent;
  const told = document.getElementById("told");
  if (element === null || data === null || data === undefined) return;
  try {
    const recording = await readRecording(data);
    const panes = recording.searches.length > 0 ? RECORDED : ["attention"];
    element.textContent = "";
    mount(
      element,
      new ReportHost(recording, (sentence) => {
        if (told !== null) told.textContent = sentence;
      }),
      PANES.filter(({ id }) => panes.includes(id)),
    );
  } catch (error) {
    element.textContent = `This page cannot be drawn: ${error instanceof Error ? error.message : String(error)}`;
  }
}

void start();
