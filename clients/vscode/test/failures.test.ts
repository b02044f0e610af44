import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../../../protocol/types";
import { CLIENT_CODES } from "../../shared/src/clientErrors";
import { TimeoutError } from "../src/pure/deadline";
import { ClientFailure, serverDied, toHostError } from "../src/pure/failures";

describe("a failure", () => {
  it("of the server passes unchanged", () => {
    const error = {
      code: -33003,
      message: "no corpus x",
      data: { kind: "corpusNotFound", hint: "index one", corpora: ["y"] },
    };
    expect(toHostError(error)).toEqual(error);
  });

  it("of this side has a code that the server never sends", () => {
    for (const code of Object.values(CLIENT_CODES)) expect(Object.values(ERROR_CODES)).not.toContain(code);
  });

  it("says that the server died when the connection went away", () => {
    const rejected = Object.assign(new Error("Pending response rejected since connection got disposed"), {
      code: -32097,
    });
    expect(toHostError(rejected)).toMatchObject({ code: CLIENT_CODES.serverDied, data: { kind: "serverDied" } });
    expect(toHostError(serverDied()).data?.hint).not.toBe("");
  });

  it("carries a hint for what a person can do", () => {
    const missing = new ClientFailure("serverMissing", "not there", "install it");
    expect(toHostError(missing)).toEqual({
      code: CLIENT_CODES.serverMissing,
      message: "not there",
      data: { kind: "serverMissing", hint: "install it" },
    });
    expect(toHostError(new TimeoutError(5000)).data?.hint).toContain("exbert.limits.timeout");
  });

  it("of an unknown kind is still an error with a message", () => {
    expect(toHostError("odd")).toEqual({ code: -32603, message: "odd" });
    expect(toHostError(new Error("x"))).toEqual({ code: -32603, message: "x" });
  });
});
