/** What the parts of the picture mean, each beside a small piece of it. */
import { heat, inkOf } from "../../../draw/ink";
import { headColor, modeOf } from "../../../logic/palette";
import { useApp } from "../../../ui/context";
import type { Picture } from "../logic/picture";

function Curve(props: { readonly color: string }) {
  return (
    <svg viewBox="0 0 40 16" class="sample" aria-hidden="true">
      <path d="M0 4C20 4 20 12 40 12" fill="none" stroke={props.color} stroke-width="3.5" />
      <path d="M0 12C20 12 20 5 40 5" fill="none" stroke={props.color} stroke-width="1" />
    </svg>
  );
}

function Cells(props: { readonly inks: readonly string[]; readonly frame: string }) {
  return (
    <svg viewBox="0 0 40 16" class="sample" aria-hidden="true">
      {props.inks.map((ink, i) => (
        <rect key={ink} x={2 + 10 * i} y="3" width="9" height="10" fill={ink} />
      ))}
      <rect x="11.5" y="1.5" width="10" height="13" fill="none" stroke={props.frame} stroke-width="1.6" />
    </svg>
  );
}

function Bar(props: { readonly empty: string; readonly full: string }) {
  return (
    <svg viewBox="0 0 40 16" class="sample" aria-hidden="true">
      <rect x="18" y="1" width="3" height="14" fill={props.empty} />
      <rect x="18" y="6" width="3" height="9" fill={props.full} />
    </svg>
  );
}

export function HowToRead(props: { readonly picture: Picture }) {
  const theme = useApp((s) => s.theme);
  const ink = inkOf(theme);
  const { aside } = props.picture;
  const color = headColor(0, modeOf(theme));
  return (
    <details class="how-to-read">
      <summary title="What curves, cells, bars and colors mean">how to read this picture</summary>
      <ul>
        <li>
          <Curve color={color} />
          <span>
            A curve runs from a token that attends (left) to a token that gets attention (right). The thicker and
            stronger it is, the more. It has the color of the head that gives most to it; the numbers above the cells
            and in the toolbar say which head that is.
          </span>
        </li>
        <li>
          <Cells inks={[0.15, 0.8, 0.4].map((value) => heat(ink, value))} frame={color} />
          <span>
            A row of cells belongs to a token, a column to a head. The stronger its color, the more attention the token
            gives (left) or gets (right) in that head. Chosen heads have a frame. Point at a cell for its number; click
            it to switch the head.
          </span>
        </li>
        <li>
          <Bar empty={ink.line} full={ink.muted} />
          <span>
            The bar beside a token on the left is the share of its attention that goes to{" "}
            {aside.name === "first token" ? "the first token" : aside.name}, whether they are hidden or not.
          </span>
        </li>
      </ul>
    </details>
  );
}
