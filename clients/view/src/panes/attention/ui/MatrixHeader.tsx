/** What the cells left and right mean, and which column is which head. */

import { headColor, modeOf } from "../../../logic/palette";
import { useApp } from "../../../ui/context";
import type { AttentionLayout } from "../draw/layout";
import type { Picture } from "../logic/picture";

function Numbers(props: { readonly layout: AttentionLayout; readonly picture: Picture; readonly x: number }) {
  const { layout, picture, x } = props;
  const mode = modeOf(useApp((s) => s.theme));
  const every = layout.cell >= 12 ? 1 : layout.cell >= 7 ? 2 : Math.ceil(16 / layout.cell);
  return (
    <>
      {picture.layer.heads.map((head, i) => (
        <span
          key={head}
          class="matrix-head"
          style={{
            left: `${x + i * layout.cell}px`,
            width: `${layout.cell - (layout.cell >= 5 ? 1 : 0)}px`,
            borderBottomColor: picture.chosen.includes(i) ? headColor(head, mode) : "transparent",
          }}
        >
          {i % every === 0 ? head : ""}
        </span>
      ))}
    </>
  );
}

export function MatrixHeader(props: { readonly layout: AttentionLayout; readonly picture: Picture }) {
  const { layout, picture } = props;
  if (layout.width === 0) return <div class="matrix-header" />;
  return (
    <div class="matrix-header" aria-hidden="true">
      <Numbers layout={layout} picture={picture} x={layout.leftMatrix} />
      <span
        class="column-title"
        style={{ right: `${layout.width - layout.leftTokens - layout.tokenWidth}px`, textAlign: "right" }}
        title="Queries. The cells on the left show how much attention each token gives in each head; hidden special tokens do not count."
      >
        from
      </span>
      <span
        class="column-title"
        style={{ left: `${layout.rightTokens}px` }}
        title="Keys. The cells on the right show how much attention each token gets in each head."
      >
        to
      </span>
      <Numbers layout={layout} picture={picture} x={layout.rightMatrix} />
    </div>
  );
}
