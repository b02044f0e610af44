/** Rasterizes an SVG at twice its size; null where the page's policy forbids it. */
export async function svgToPng(svg: string): Promise<Uint8Array | null> {
  const size = /width="(\d+)" height="(\d+)"/.exec(svg);
  if (size === null) return null;
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  try {
    await image.decode();
  } catch {
    return null;
  }
  const canvas = document.createElement("canvas");
  canvas.width = 2 * Number(size[1]);
  canvas.height = 2 * Number(size[2]);
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  return blob === null ? null : new Uint8Array(await blob.arrayBuffer());
}
