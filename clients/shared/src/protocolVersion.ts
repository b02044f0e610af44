/** Why this client cannot talk to that server, in words; undefined when it can. The major numbers must agree. */
export function versionMismatch(ours: string, theirs: string | undefined): string | undefined {
  if (theirs === undefined) {
    return "The server does not report its protocol version. It is not an exBERT server, or it is too old.";
  }
  const [ourMajor, theirMajor] = [Number.parseInt(ours, 10), Number.parseInt(theirs, 10)];
  if (Number.isNaN(theirMajor)) return `The server reports “${theirs}”, which is not a protocol version.`;
  if (ourMajor === theirMajor) return undefined;
  const remedy = theirMajor < ourMajor ? "Update the Python package exbert-rpc." : "Update this extension.";
  return `The server speaks protocol ${theirs}, this extension ${ours}. ${remedy}`;
}
