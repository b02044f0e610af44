/** The extension's icon: two rows of tokens and the attention between them. */
import { LabIcon } from "@jupyterlab/ui-components";

const SVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">
  <g class="jp-icon3" fill="none" stroke="#616161" stroke-width="1.6" stroke-linecap="round">
    <path d="M7 5C13 5 11 12 17 12M7 12C13 12 11 5 17 5M7 19C13 19 11 12 17 12"/>
  </g>
  <g class="jp-icon3" fill="#616161">
    <circle cx="5" cy="5" r="2"/><circle cx="5" cy="12" r="2"/><circle cx="5" cy="19" r="2"/>
    <circle cx="19" cy="5" r="2"/><circle cx="19" cy="12" r="2"/><circle cx="19" cy="19" r="2"/>
  </g>
</svg>`;

export const exbertIcon = new LabIcon({ name: "exbert:icon", svgstr: SVG });
