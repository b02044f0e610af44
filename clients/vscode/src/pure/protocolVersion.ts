/** Why this client cannot talk to that server, in words; undefined when it can. The major numbers must agree. */
export function versionMismatch(ours: string, theirs: string | undefined): string | undefined {
  if (theirs === undefined) {
    return "The server does not say which protocol it speaks: it is not an exBERT server, or a very old one.";
  }
  const [ourMajor, theirMajor] = [ours, theirs].map((version) => Number.parseInt(version, 10));
  if (ourMajor === undefined || theirMajor === undefined || Number.isNaN(theirMajor)) {
    return `The server's protocol version “${theirs}” is not a version.`;
  }
  if (ourMajor === theirMajor) return undefined;
  const remedy = theirMajor < ourMajor ? "Update the Python package exbert-rpc." : "Update this extension.";
  return `The server speaks protocol ${theirs}, this extension ${ours}. ${remedy}`;
}
