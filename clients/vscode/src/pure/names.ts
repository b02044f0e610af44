/** A corpus name for a folder: what every file system and the server accept. */
export function corpusName(folderName: string): string {
  const plain = folderName
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^\p{L}\p{N}._-]+/gu, "-")
    .replace(/[^A-Za-z0-9._-]/g, "")
    .replace(/^[-._]+|[-.]+$/g, "")
    .slice(0, 60);
  return plain === "" ? "corpus" : plain.toLowerCase();
}
