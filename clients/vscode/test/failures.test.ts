import { describe, expect, it } from "vitest";
import { TimeoutError } from "../src/pure/deadline";
import { CLIENT_CODES, ClientFailure, serverDied, toHostError } from "../src/pure/failures";
import { versionMismatch } from "../src/pure/protocolVersion";
import { RestartPolicy } from "../src/pure/restarts";
import { ERROR_CODES } from "../../../protocol/types";

describe("a failure", () => {
  it("of the server passes unchanged", () => {
    const error = { code: -33003, message: "no corpus x", data: { kind: "corpusNotFound", hint: "index one", corpora: ["y"] } };
    expect(toHostError(error)).toEqual(error);
  });

  it("of this side has a code that the server never sends", () => {
    for (const code of Object.values(CLIENT_CODES)) expect(Object.values(ERROR_CODES)).not.toContain(code);
  });

  it("says that the server died when the connection went away", () => {
    const rejected = Object.assign(new Error("Pending response rejected since connection got disposed"), { code: -32097 });
    expect(toHostError(rejected)).toMatchObject({ code: CLIENT_CODES.serverDied, data: { kind: "serverDied" } });
    expect(toHostError(serverDied()).data?.hint).not.toBe("");
  });

  it("carries a hint for what a person can do", () => {
    const missing = new ClientFailure("serverMissing", "not there", "install it");
    expect(toHostError(missing)).toEqual({ code: CLIENT_CODES.serverMissing, message: "not there", data: { kind: "serverMissing", hint: "install it" } });
    expect(toHostError(new TimeoutError(5000)).data?.hint).toContain("exbert.limits.timeout");
  });

  it("of an unknown kind is still an error with a message", () => {
    expect(toHostError("odd")).toEqual({ code: -32603, message: "odd" });
    expect(toHostError(new Error("x"))).toEqual({ code: -32603, message: "x" });
  });
});

describe("protocol versions", () => {
  it("agree when the major numbers do", () => {
    expect(versionMismatch("1.0", "1.7")).toBeUndefined();
  });

  it("say which side to update", () => {
    expect(versionMismatch("2.0", "1.3")).toContain("Python package");
    expect(versionMismatch("1.0", "2.0")).toContain("this extension");
  });

  it("must be there and readable", () => {
    expect(versionMismatch("1.0", undefined)).toContain("does not say");
    expect(versionMismatch("1.0", "new")).toContain("not a version");
  });
});

describe("restarting", () => {
  it("happens once by itself within the window", () => {
    const policy = new RestartPolicy(1000);
    expect([policy.allow(0), policy.allow(500), policy.allow(999)]).toEqual([true, false, false]);
    expect(policy.allow(1000)).toBe(true);
  });

  it("counts from the start again when the person restarted", () => {
    const policy = new RestartPolicy(1000);
    policy.allow(0);
    policy.reset();
    expect(policy.allow(1)).toBe(true);
  });
});
