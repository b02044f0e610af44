/** Small pieces of SVG text; attributes are escaped, numbers short. */

export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

type Attributes = Readonly<Record<string, string | number | null>>;

function short(value: string | number): string {
  return typeof value === "number" ? String(Math.round(value * 100) / 100) : escapeXml(value);
}

export function element(name: string, attributes: Attributes, children = ""): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => ` ${key}="${short(value as string | number)}"`)
    .join("");
  return children === "" ? `<${name}${written}/>` : `<${name}${written}>${children}</${name}>`;
}

export function label(text: string, attributes: Attributes): string {
  return element("text", attributes, escapeXml(text) || " ");
}

/** A whole document on a plain background, with a title that readers announce. */
export function svgDocument(width: number, height: number, title: string, background: string, content: string): string {
  const body = element("title", {}, escapeXml(title)) + element("rect", { width, height, fill: background }) + content;
  const attributes = {
    xmlns: "http://www.w3.org/2000/svg",
    width: Math.ceil(width),
    height: Math.ceil(height),
    viewBox: `0 0 ${Math.ceil(width)} ${Math.ceil(height)}`,
    "font-family": "system-ui, 'DejaVu Sans', sans-serif",
    "font-size": 13,
  };
  return element("svg", attributes, body);
}
