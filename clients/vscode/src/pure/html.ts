/** The page of the webview: two local files and a policy that allows nothing else. */
export interface PageParts {
  readonly nonce: string;
  readonly cspSource: string;
  readonly scriptUri: string;
  readonly styleUris: readonly string[];
  readonly linkPrefix: string;
}

const escapeAttribute = (value: string): string =>
  value.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** No network, no inline script or style, scripts by nonce only; pictures may be data (export previews). */
export function contentSecurityPolicy(parts: Pick<PageParts, "nonce" | "cspSource">): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${parts.nonce}'`,
    `style-src ${parts.cspSource}`,
    `img-src ${parts.cspSource} data: blob:`,
    `font-src ${parts.cspSource}`,
    "form-action 'none'",
    "base-uri 'none'",
  ].join("; ");
}

export function pageHtml(parts: PageParts): string {
  const styles = parts.styleUris.map((uri) => `<link rel="stylesheet" href="${escapeAttribute(uri)}">`).join("\n  ");
  return `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta http-equiv="Content-Security-Policy" content="${escapeAttribute(contentSecurityPolicy(parts))}">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  ${styles}
  <title>exBERT</title>
</head>
<body>
  <main id="exbert" data-link-prefix="${escapeAttribute(parts.linkPrefix)}"></main>
  <script type="module" nonce="${parts.nonce}" src="${escapeAttribute(parts.scriptUri)}"></script>
</body>
</html>`;
}
