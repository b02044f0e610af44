// The short list of what a person does with a view, the same for every host: Playwright drives it in a real browser.

/** A model that is loaded for the first time on a busy machine. */
const SLOW = 240_000;

/** A pane behind its tab, where the view is too narrow for all of them. */
async function showPane(view, name) {
  const tab = view.getByRole("tab", { name });
  if ((await tab.count()) > 0) await tab.first().click();
}

/** The share of the attention picture that is not empty. */
export function inked(view) {
  return view
    .locator("canvas.attention-canvas")
    .first()
    .evaluate((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let marks = 0;
      for (let at = 3; at < data.length; at += 4) marks += data[at] > 0 ? 1 : 0;
      return (4 * marks) / data.length;
    });
}

/**
 * The picture shows, a layer is switched, a token is pinned, its contexts are searched, their summary is drawn.
 * `view` is what holds the view: a page, a frame or a locator. What was seen is returned.
 */
export async function useView(view, { word, layer }) {
  const token = view.locator(".tokens.left .token", { hasText: word }).first();
  await token.waitFor({ timeout: SLOW });
  await view
    .getByRole("radio", { name: String(layer), exact: true })
    .first()
    .click();
  await view
    .locator(".pane-head", { hasText: `layer ${layer}` })
    .first()
    .waitFor({ timeout: SLOW });
  const ink = await inked(view);
  if ((await token.getAttribute("class")).includes("pinned") === false) await token.click();
  await view.locator(".tokens.left .token.pinned").first().waitFor();
  await showPane(view, /Contexts/);
  const hit = view.locator(".hit").first();
  await hit.waitFor({ timeout: SLOW });
  const source = (await hit.locator(".source-link").innerText()).replace(/\s+/g, "");
  await hit.locator(".source-link").click();
  await showPane(view, /Summary/);
  await view.locator(".histogram .bar").first().waitFor({ timeout: SLOW });
  return { ink, source };
}
